#include "ostree/tree/layer_path.hh"

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::ostree {
namespace {

constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr std::string_view kReservedPrefix = ".wh..wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::string_view kAufsLinks = ".wh..wh.plnk/";

void append_component(std::string& out, std::string_view name, std::string_view whole) {
    if (name == "..")
        throw Error(ErrorKind::invalid,
                    concat("the path ", quoted(whole), " leaves its directory with '..'"));
    if (name.size() > kMaxComponent) {
        throw Error(ErrorKind::too_large, concat("a name of ", name.size(), " bytes in ", quoted(whole),
                                                 ": the limit is ", kMaxComponent));
    }
    if (!out.empty()) out += '/';
    out += name;
}

}  // namespace

std::string normalize_path(std::string_view path) {
    if (path.empty()) throw Error(ErrorKind::invalid, "an entry without a name");
    if (path.size() > kMaxPath) {
        throw Error(ErrorKind::too_large,
                    concat("a path of ", path.size(), " bytes: the limit is ", kMaxPath));
    }
    if (path.find('\0') != std::string_view::npos) {
        throw Error(ErrorKind::invalid, concat("the path ", quoted(path), " holds a NUL"));
    }
    if (!is_utf8(path)) {
        throw Error(ErrorKind::invalid,
                    concat("the path ", quoted(path), " is not UTF-8, which ostree requires"));
    }
    std::string out;
    out.reserve(path.size());
    std::string_view rest = path;
    while (!rest.empty()) {
        const std::size_t slash = rest.find('/');
        const std::string_view name = rest.substr(0, slash);
        rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
        if (!name.empty() && name != ".") append_component(out, name, path);
    }
    return out;
}

LayerName classify(std::string_view normalized) {
    const std::size_t slash = normalized.rfind('/');
    const std::string_view parent =
        slash == std::string_view::npos ? std::string_view{} : normalized.substr(0, slash);
    const std::string_view name = slash == std::string_view::npos ? normalized : normalized.substr(slash + 1);
    if (parent.starts_with(kReservedPrefix) || parent.find("/.wh..wh.") != std::string_view::npos) {
        return {NameKind::ignored, std::string(normalized)};
    }
    if (parent.starts_with(kWhiteoutPrefix) || parent.find("/.wh.") != std::string_view::npos) {
        throw Error(ErrorKind::invalid, concat("the path ", quoted(normalized), " goes through a whiteout"));
    }
    if (!name.starts_with(kWhiteoutPrefix)) return {NameKind::ordinary, std::string(normalized)};
    if (name == kOpaque) return {NameKind::opaque, std::string(parent)};
    if (name.starts_with(kReservedPrefix)) return {NameKind::ignored, std::string(normalized)};
    const std::string_view hidden = name.substr(kWhiteoutPrefix.size());
    if (hidden.empty() || hidden == "." || hidden == "..") {
        throw Error(ErrorKind::invalid, concat("the whiteout ", quoted(normalized), " does not name a file"));
    }
    return {NameKind::whiteout, parent.empty() ? std::string(hidden) : concat(parent, '/', hidden)};
}

bool is_aufs_link(std::string_view normalized) noexcept {
    return normalized.starts_with(kAufsLinks);
}

}  // namespace osb::ostree
