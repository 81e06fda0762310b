#include "tests/unit/image/test_layout.hh"

#include <optional>
#include <stdexcept>
#include <utility>

namespace osb::test {
namespace {

using image::Content;
using image::InodeId;
using image::SysrootLayout;

constexpr std::string_view kVar = "/var/";

std::pair<std::string_view, std::string_view> split(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string_view::npos) return {{}, path};
    return {path.substr(0, slash), path.substr(slash + 1)};
}

std::optional<InodeId> find(const SysrootLayout& layout, std::string_view path) {
    if (path.starts_with(kVar)) return layout.root.find(path.substr(kVar.size()), layout.var);
    return layout.root.find(path, layout.deployment);
}

InodeId parent_of(SysrootLayout& layout, std::string_view path) {
    return layout.root.make_directories(split(path).first, {.mode = 0755}, layout.deployment);
}

}  // namespace

SysrootLayout test_layout() {
    const image::Attributes directory{.mode = 0755};
    SysrootLayout out{.root = image::FileTree(directory), .boot = image::FileTree(directory), .entry = {}};
    out.var = out.root.make_directories("ostree/deploy/default/var", directory);
    out.root.add_directory(out.var, "tmp", {.mode = 01777});
    out.root.add_symlink(out.var, "run", directory, "../run");
    out.deployment = out.root.make_directories("ostree/deploy/default/deploy/commit.0", directory);
    out.etc = add_directory(out, "etc");
    // What is below is hidden by the machine's own /var.
    for (const char* name : {"usr/bin", "usr/etc", "var/hidden", "run", "sysroot", "dev"}) {
        add_directory(out, name);
    }
    for (const auto& [name, target] :
         {std::pair("home", "var/home"), std::pair("root", "var/roothome"), std::pair("srv", "/var/srv"),
          std::pair("bin", "usr/bin"), std::pair("usr/local", "../var/usrlocal")}) {
        add_symlink(out, name, target);
    }
    return out;
}

InodeId add_file(SysrootLayout& layout, std::string_view path, std::string text,
                 const image::Attributes& attributes) {
    return layout.root.add_file(parent_of(layout, path), split(path).second, attributes,
                                Content::of(std::move(text)));
}

InodeId add_symlink(SysrootLayout& layout, std::string_view path, std::string target) {
    return layout.root.add_symlink(parent_of(layout, path), split(path).second, {}, std::move(target));
}

InodeId add_directory(SysrootLayout& layout, std::string_view path, const image::Attributes& attributes) {
    return layout.root.add_directory(parent_of(layout, path), split(path).second, attributes);
}

const image::Inode& inode_at(const SysrootLayout& layout, std::string_view path) {
    const std::optional<InodeId> id = find(layout, path);
    if (!id) throw std::runtime_error("nothing at " + std::string(path));
    return layout.root.inode(*id);
}

bool is_there(const SysrootLayout& layout, std::string_view path) {
    return find(layout, path).has_value();
}

const std::string& text_at(const SysrootLayout& layout, std::string_view path) {
    return inode_at(layout, path).content.bytes;
}

}  // namespace osb::test
