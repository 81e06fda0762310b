// Fetches an image's commit by a delta.
#pragma once

#include <cstdint>
#include <optional>

#include "base/progress.hh"
#include "oci/transports/image.hh"
#include "ostree/delta/delta_artifact.hh"
#include "ostree/import/encapsulated_objects.hh"
#include "ostree/import/fetch_way.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

struct FetchedByDelta {
    Encapsulated commit;
    std::uint64_t bytes_read = 0;       // of blobs
    std::uint64_t objects_written = 0;  // without the commit
    std::uint64_t bytes_written = 0;
};

// Applies the delta. On return the repository has every object of the image's commit, durably, but not the
// commit itself. Blobs of which no object is missing are not read, so what an earlier run stored is not
// fetched again. Returns nullopt, with a warning, if the delta turns out to be damaged, wrong or incomplete,
// or if its blobs are missing, cannot be fetched or take too much space: what it gave by then is kept, and
// the image is to be fetched in another way. With FetchWay::delta these are errors. Throws Error{io};
// Interrupted.
std::optional<FetchedByDelta> fetch_by_delta(Repository& repository, const oci::Image& image,
                                             const DeltaArtifact& delta, FetchWay way, unsigned threads,
                                             Progress& progress);

}  // namespace osb::ostree
