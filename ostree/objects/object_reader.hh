// Objects read from a repository, whatever its mode, and checked: what does not have the checksum that it is
// stored under is never handed on as a whole.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/hash.hh"
#include "base/stream.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// A content object, opened.
struct ContentObject {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t mode = 0;  // with the file type
    XattrBytes xattrs;
    std::string target;      // of a symbolic link
    std::uint64_t size = 0;  // of a file, in bytes
    // Of a file, exactly `size` bytes; nullptr of a link. Throws Error{digest_mismatch} instead of handing
    // out the last bytes of an object that does not have its checksum, and Error{invalid} for one that is
    // malformed or too short.
    std::unique_ptr<Source> content;
};

// Throws Error: not_found when the repository lacks the object, digest_mismatch or invalid when it is an
// empty file or a link and damaged. Threads may call it at once.
ContentObject open_object(const Repository& repository, const Sha256& checksum);

// The bytes of a commit, dirtree or dirmeta object. Throws Error{digest_mismatch} for a damaged one. Threads
// may call it at once.
std::string read_metadata(const Repository& repository, ObjectType type, const Sha256& checksum);
std::string read_commit_object(const Repository& repository, const CommitId& commit);

// The commit's detached metadata (signatures), serialised; "" when it has none. No checksum covers it.
std::string read_detached_metadata(const Repository& repository, const CommitId& commit);

}  // namespace osb::ostree
