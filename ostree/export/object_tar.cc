#include "ostree/export/object_tar.hh"

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/objects/xattr_policy.hh"

namespace osb::ostree {

std::vector<std::pair<std::string, std::string>> visible_xattrs(std::string_view bytes) {
    std::vector<std::pair<std::string, std::string>> out;
    for (auto& xattr : parse_xattrs(bytes)) {
        if (xattr.first != "security.selinux" && is_portable(xattr.first)) out.push_back(std::move(xattr));
    }
    return out;
}

bool has_whiteout_name(std::string_view path) noexcept {
    return path.starts_with(".wh.") || path.find("/.wh.") != std::string_view::npos;
}

oci::TarEntry tar_entry(const ContentObject& object, std::string path) {
    oci::TarEntry entry;
    entry.type = S_ISLNK(object.mode) ? oci::TarType::symlink : oci::TarType::file;
    entry.path = std::move(path);
    entry.link_target = object.target;
    entry.mode = object.mode & 07777U;
    entry.uid = object.uid;
    entry.gid = object.gid;
    entry.size = object.size;
    entry.xattrs = visible_xattrs(object.xattrs);
    return entry;
}

void write_content(oci::TarWriter& tar, ContentObject& object, std::string_view name) {
    if (!object.content) return;
    constexpr std::uint64_t kStep = 256UL * 1024;
    const auto step = static_cast<std::size_t>(std::min(object.size, kStep));
    const auto buffer = std::make_unique_for_overwrite<std::uint8_t[]>(step);
    std::uint64_t left = object.size;
    while (left > 0) {
        const std::size_t n = object.content->read({buffer.get(), step});
        if (n == 0 || n > left) {
            throw Error(ErrorKind::invalid,
                        concat("the object ", name, " does not have the size that it declares"));
        }
        tar.write({buffer.get(), n});
        left -= n;
    }
}

}  // namespace osb::ostree
