// ostree's metadata objects, taken apart and checked: what pull, import, export and push agree to take for
// one. libostree's own check of a structure leaves out what would hurt later: names that no filesystem takes,
// two entries of one name, attributes that cannot be set.
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
// Of one file: what the attribute user.ostreemeta of a bare-user repository, which holds them all, can have.
inline constexpr std::size_t kMaxXattrsStored = 65536 - 12;

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

struct CommitObject {
    std::optional<CommitId> parent;
    Sha256 tree{};
    Sha256 meta{};
};

// All throw Error{invalid} for bytes that are not in the normal form of their type, and:
//
// a name that is empty, ".", "..", has a '/' or more than kMaxFileName bytes; names that are not in order, or
// twice there, as file and directory included; a checksum of another length
DirtreeObject parse_dirtree(ByteView bytes);
// a mode that is not a directory's; attributes as check_xattrs()
DirectoryMeta parse_dirmeta(ByteView bytes);
// a checksum or a parent of another length
CommitObject parse_commit(ByteView bytes);

// Throws Error{invalid} for XattrBytes that are not in normal form, have a name that is empty, has a NUL in
// it or more than 255 bytes, or are not in order; Error{too_large} for a value of more than 64 KiB, or more
// than kMaxXattrsStored bytes in all: Linux would not let them be set.
void check_xattrs(std::string_view bytes);

// Throws Error{invalid} for the target of a symbolic link that is empty, not UTF-8 or has a NUL in it;
// Error{too_large} beyond kMaxLinkTarget.
void check_link_target(std::string_view target);

// What a tree may be: directories down to kMaxDepth (the root is at 1), paths of at most kMaxTreePath bytes.
// Throws Error{too_large}.
void check_tree_place(std::string_view path, std::size_t depth);

}  // namespace osb::ostree
