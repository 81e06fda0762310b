// A dirmeta object, read.
#pragma once

#include "base/hash.hh"
#include "ostree/object_format.hh"
#include "ostree/repository.hh"

namespace osb::ostree {

struct DirectoryMeta {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t mode = 0;  // permission bits
    XattrBytes xattrs;
};

// Throws Error: not_found, digest_mismatch, or invalid for a malformed one. Threads may call it at once.
DirectoryMeta read_directory_meta(const Repository& repository, const Sha256& checksum);

}  // namespace osb::ostree
