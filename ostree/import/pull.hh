// An encapsulated image becomes the very commit that is inside it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/progress.hh"
#include "oci/transports/image.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

struct PullOptions {
    std::optional<RefName> ref;  // that is to name the commit; nothing: none is set
    unsigned jobs = 0;           // threads that work; 0: one a core
};

struct PullResult {
    CommitId commit;
    std::optional<RefName> ref;
    std::string manifest_digest;
    std::size_t layers = 0;
    std::uint64_t bytes_read = 0;  // of layer blobs
    std::uint64_t objects_written = 0;
    std::uint64_t bytes_written = 0;  // as stored
};

// Throws Error{unsupported} for an image that holds no commit, or layers on top of one, with the advice to
// import it; Error{invalid} when its labels contradict each other.
void check_pullable(const oci::Image& image);

// Stores the image's commit with all its objects and its detached metadata. Each object is checked against
// its checksum, each layer against its digests, the commit against the label ostree.commit, and the whole
// against the commit's tree: nothing is missing. Either all of that is there, durable, or an exception was
// thrown and no ref has moved. Throws as check_pullable() and import_image().
PullResult pull_image(Repository& repository, const oci::Image& image, const PullOptions& options,
                      Progress& progress);

}  // namespace osb::ostree
