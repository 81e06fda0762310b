#include "ostree/import/encapsulated_objects.hh"

#include <sys/stat.h>

#include <algorithm>

#include "base/error.hh"
#include "ostree/import/encapsulated_paths.hh"
#include "ostree/tree/metadata_objects.hh"

namespace osb::ostree {
namespace {

bool is_lower_hex(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

void check_checksum(const ImageObjectName& name, const Sha256& actual) {
    if (to_hex(actual) == name.checksum) return;
    throw Error(ErrorKind::digest_mismatch,
                concat("the object ", name.checksum, " has the checksum ", to_hex(actual)));
}

// Content objects that a bare-user-only repository cannot store would get another checksum in it; directories
// would not.
void check_held(RepoMode mode, const DirectoryMeta& meta) {
    const FileMeta full{.uid = meta.uid, .gid = meta.gid, .mode = S_IFDIR | meta.mode, .xattrs = meta.xattrs};
    const FileMeta held = canonical(mode, full);
    if (held.uid == full.uid && held.gid == full.gid && held.mode == full.mode && held.xattrs == full.xattrs)
        return;
    throw Error(ErrorKind::unsupported,
                "a directory whose owner, mode or attributes a bare-user-only repository does not support");
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
    check_checksum(name, actual);
    parse_commit(as_bytes(bytes));
    return CommitId(actual);
}

// The checksum of the object matches. This checks also that every later step supports the object.
void store_directory_object(ObjectWriter& writer, const ImageObjectName& name, const std::string& bytes) {
    check_checksum(name, sha256(as_bytes(bytes)));
    if (name.suffix == "dirtree") {
        parse_dirtree(as_bytes(bytes));
        writer.write_metadata(ObjectType::dirtree, as_bytes(bytes));
        return;
    }
    check_held(writer.mode(), parse_dirmeta(as_bytes(bytes)));
    writer.write_metadata(ObjectType::dirmeta, as_bytes(bytes));
}

std::string checked_xattrs(std::string bytes) {
    check_xattrs(bytes);
    return bytes;
}

}  // namespace osb::ostree
