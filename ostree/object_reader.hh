// Objects read from a repository, whatever its mode.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/hash.hh"
#include "base/stream.hh"
#include "ostree/object_format.hh"
#include "ostree/repository.hh"

namespace osb::ostree {

// A content object, opened.
struct ContentObject {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t mode = 0;  // with the file type
    XattrBytes xattrs;
    std::string target;               // of a symbolic link
    std::uint64_t size = 0;           // of a file, in bytes
    std::unique_ptr<Source> content;  // of a file; nullptr of a link. Not verified: fsck's business
};

// Throws Error{not_found} when the repository lacks it. Threads may call it at once.
ContentObject open_object(const Repository& repository, const Sha256& checksum);

// The bytes of a commit, dirtree or dirmeta object.
std::string read_metadata(const Repository& repository, ObjectType type, const Sha256& checksum);

// The commit's detached metadata (signatures), serialised; "" when it has none.
std::string read_detached_metadata(const Repository& repository, const std::string& commit);

}  // namespace osb::ostree
