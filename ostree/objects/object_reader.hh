// Reads and verifies objects of a repository in any mode. An object whose checksum does not match is never
// returned completely.
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

// An opened content object.
struct ContentObject {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t mode = 0;  // with the file type
    XattrBytes xattrs;
    std::string target;      // of a symbolic link
    std::uint64_t size = 0;  // of a file, in bytes
    // For a file, a source of exactly `size` bytes; nullptr for a link. If the checksum does not match,
    // read() throws Error{digest_mismatch} instead of returning the last bytes. It throws Error{invalid} for
    // a malformed or truncated object.
    std::unique_ptr<Source> content;
};

// Opens an object. Throws Error: not_found if the repository does not have it; digest_mismatch or invalid if
// it is a damaged link or empty file. Thread-safe.
ContentObject open_object(const Repository& repository, const Sha256& checksum);

// Reads only the metadata and the size of an object; `content` is nullptr. Checks the checksum of links and
// empty files. Nothing verifies the metadata of other files, because the checksum covers their content, too.
// Throws as open_object(). Thread-safe.
ContentObject read_object_header(const Repository& repository, const Sha256& checksum);

// Starts the checksum of a content object: the caller adds the content.
Hasher begin_object_checksum(const ContentObject& object);

// Reads the bytes of a commit, dirtree or dirmeta object. Throws Error{digest_mismatch} for a damaged one.
// Thread-safe.
std::string read_metadata(const Repository& repository, ObjectType type, const Sha256& checksum);
std::string read_commit_object(const Repository& repository, const CommitId& commit);

// The commit's detached metadata (signatures), serialised; "" if there are none. No checksum covers them.
std::string read_detached_metadata(const Repository& repository, const CommitId& commit);

}  // namespace osb::ostree
