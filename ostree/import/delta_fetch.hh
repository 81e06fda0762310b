// Fetches an image's commit by a delta.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

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

// Applies the delta. On return the repository has the objects that it gives, durably, but not the commit
// itself; the caller checks that none is missing (complete_commit.hh), inside the transaction that writes the
// commit. The commit and its detached metadata are those of the image. Blobs of which no object is missing
// are not read, so what an earlier run stored is not fetched again. Returns nullopt, with a warning, if the
// delta is of no use for any reason: what it gave by then is kept, and the image is to be fetched in another
// way. With FetchWay::delta the reason is an Error. Throws Interrupted.
std::optional<FetchedByDelta> fetch_by_delta(Repository& repository, const oci::Image& image,
                                             const DeltaArtifact& delta, FetchWay way, unsigned threads,
                                             Progress& progress);

// Warns that the image is fetched in another way.
void warn_of_useless_delta(std::string_view problem);

}  // namespace osb::ostree
