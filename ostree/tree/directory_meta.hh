// Reads dirmeta objects from a repository.
#pragma once

#include "base/hash.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/metadata_objects.hh"

namespace osb::ostree {

// Throws Error: not_found; digest_mismatch; as parse_dirmeta() for a malformed object. Thread-safe.
DirectoryMeta read_directory_meta(const Repository& repository, const Sha256& checksum);

}  // namespace osb::ostree
