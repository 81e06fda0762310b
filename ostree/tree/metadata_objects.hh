// Parses and verifies ostree's metadata objects, with the same rules for pull, import, export and push.
// libostree's own structure check misses later problems: names that no filesystem supports, duplicate names,
// attributes that cannot be set.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hh"
#include "base/hash.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/object_format.hh"

namespace osb::ostree {

inline constexpr std::size_t kMaxFileName = 255;     // bytes, as Linux's NAME_MAX
inline constexpr std::size_t kMaxLinkTarget = 4095;  // bytes, as Linux's PATH_MAX less its NUL
inline constexpr std::size_t kMaxTreePath = 4096;    // bytes of a path in a commit
// The maximum for one file: the attribute user.ostreemeta of a bare-user repository has all of them.
inline constexpr std::size_t kMaxXattrsStored = 65536 - 12;

// A dirtree object.
struct DirtreeObject {
    struct File {
        std::string name;
        Sha256 checksum{};
    };
    struct Directory {
        std::string name;
        Sha256 tree{};
        Sha256 meta{};
    };
    std::vector<File> files;  // both sorted by name
    std::vector<Directory> directories;
};

// A dirmeta object.
struct DirectoryMeta {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t mode = 0;  // permission bits
    XattrBytes xattrs;
};

// The checked parts of a commit object.
struct CommitObject {
    std::optional<CommitId> parent;
    Sha256 tree{};
    Sha256 meta{};
};

// All parsers throw Error{invalid} for bytes that are not in the normal form of their type, and for the
// following.
//
// parse_dirtree(): a name that is empty, ".", "..", has a '/' or more than kMaxFileName bytes; names that are
// not sorted or not unique, also between files and directories; a checksum of another length.
DirtreeObject parse_dirtree(ByteView bytes);
// parse_dirmeta(): a mode that is not a directory's; attributes as check_xattrs().
DirectoryMeta parse_dirmeta(ByteView bytes);
// parse_commit(): a checksum or a parent of another length.
CommitObject parse_commit(ByteView bytes);

// Throws Error{invalid} for XattrBytes that are not in normal form or not sorted, and for a name that is
// empty, has a NUL or more than 255 bytes. Throws Error{too_large} for a value of more than 64 KiB, or more
// than kMaxXattrsStored bytes in all, because Linux would reject them.
void check_xattrs(std::string_view bytes);

// Throws Error{invalid} if the target of a symbolic link is empty, not UTF-8 or has a NUL; Error{too_large}
// above kMaxLinkTarget.
void check_link_target(std::string_view target);

// Checks the limits of a tree: depth at most kMaxDepth (the root is at 1), paths of at most kMaxTreePath
// bytes. Throws Error{too_large}.
void check_tree_place(std::string_view path, std::size_t depth);

}  // namespace osb::ostree
