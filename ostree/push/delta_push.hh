// Deltas for an image that was pushed to a registry (ostree/delta/delta_artifact.hh).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/progress.hh"
#include "oci/documents/reference.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"
#include "registry/distribution/registry_access.hh"

namespace osb::ostree {

// A delta in the registry.
struct PushedDelta {
    CommitId from;
    oci::Digest digest;              // of its manifest
    std::uint64_t size = 0;          // of its blobs, in bytes
    std::uint64_t objects_size = 0;  // what a machine with `from` fetches of the image without it
    bool was_there = false;          // an earlier push made it
};

// Makes a delta from each of the commits `from` to the commit in the image `manifest`, and pushes it to the
// image's repository with the image as its subject. A delta that the registry has is not made again, unless
// it is only listed, and one from the image's own commit is skipped. Reads the image's tables of contents
// back. Throws Error: not_found if `repository` lacks a commit; otherwise as make_delta() and the registry.
// If this throws, earlier deltas are complete, and the failed one is not visible.
std::vector<PushedDelta> push_deltas(const Repository& repository, const oci::Reference& image,
                                     const oci::Digest& manifest, const std::vector<CommitId>& from,
                                     const registry::RegistryOptions& options, Progress& progress);

}  // namespace osb::ostree
