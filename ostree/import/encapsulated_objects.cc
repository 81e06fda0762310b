#include "ostree/import/encapsulated_objects.hh"

#include <algorithm>

#include "base/error.hh"
#include "ostree/import/encapsulated_paths.hh"
#include "ostree/tree/directory_objects.hh"
#include "ostree/tree/metadata_objects.hh"

namespace osb::ostree {
namespace {

bool is_lower_hex(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

ImageObjectName parse_object_path(std::string_view path) {
    const std::string_view name = path.substr(std::min(path.size(), kImageObjects.size()));
    constexpr std::size_t kLoose = 65;  // XX/<62 digits>
    if (name.size() <= kLoose + 1 || name[2] != '/' || name[kLoose] != '.')
        throw Error(ErrorKind::invalid, "not the name of an object");
    ImageObjectName out{concat(name.substr(0, 2), name.substr(3, 62)), std::string(name.substr(kLoose + 1))};
    if (!is_lower_hex(out.checksum)) throw Error(ErrorKind::invalid, "not the name of an object");
    return out;
}

CommitId check_commit_object(const ImageObjectName& name, const std::string& bytes) {
    const Sha256 actual = sha256(as_bytes(bytes));
    check_checksum(parse_sha256(name.checksum), actual);
    parse_commit(as_bytes(bytes));
    return CommitId(actual);
}

void store_directory_object(ObjectWriter& writer, const ImageObjectName& name, const std::string& bytes) {
    const ObjectType type = name.suffix == "dirtree" ? ObjectType::dirtree : ObjectType::dirmeta;
    store_directory_object(writer, type, parse_sha256(name.checksum), as_bytes(bytes));
}

std::string checked_xattrs(std::string bytes) {
    check_xattrs(bytes);
    return bytes;
}

}  // namespace osb::ostree
