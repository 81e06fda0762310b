// What a commit says of itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "oci/documents/digest.hh"
#include "oci/documents/platform.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

struct CommitInfo {
    std::string version;          // metadata key "version"; "" for none
    std::string manifest_digest;  // of the image that it was made from; "" for none
    std::uint64_t time = 0;       // seconds since 1970
};

// Throws Error{not_found} when the repository lacks the commit, or has only part of it.
CommitInfo read_commit_info(const Repository& repository, const CommitId& commit);

// The platform that the commit is for, as the image says it that it was made from, or the metadata key
// "ostree.architecture"; nothing where neither says one. Throws as read_commit_info().
std::optional<oci::Platform> read_commit_platform(const Repository& repository, const CommitId& commit);

// The diffIDs of the image that the commit was made from, lowest first; empty where it does not say. Throws
// as read_commit_info().
std::vector<oci::Digest> read_commit_layers(const Repository& repository, const CommitId& commit);

}  // namespace osb::ostree
