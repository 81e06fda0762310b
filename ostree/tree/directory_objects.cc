#include "ostree/tree/directory_objects.hh"

#include <sys/stat.h>

#include "base/error.hh"
#include "ostree/tree/metadata_objects.hh"

namespace osb::ostree {
namespace {

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

void check_checksum(const Sha256& expected, const Sha256& actual) {
    if (actual == expected) return;
    throw Error(ErrorKind::digest_mismatch,
                concat("the object ", to_hex(expected), " has the checksum ", to_hex(actual)));
}

// The checksum of the object matches. This checks also that every later step supports the object.
void store_directory_object(ObjectWriter& writer, ObjectType type, const Sha256& checksum, ByteView bytes) {
    check_checksum(checksum, sha256(bytes));
    if (type == ObjectType::dirtree) {
        parse_dirtree(bytes);
    } else {
        check_held(writer.mode(), parse_dirmeta(bytes));
    }
    writer.write_metadata(type, bytes);
}

}  // namespace osb::ostree
