// The import of an image that is only a commit, by a delta.
#pragma once

#include <cstdint>
#include <optional>

#include "base/progress.hh"
#include "oci/transports/image.hh"
#include "ostree/import/delta_fetch.hh"
#include "ostree/import/image_deltas.hh"
#include "ostree/import/import_plan.hh"
#include "ostree/import/imported_commit.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

struct ImportedByDelta {
    ImportedCommit commit;
    FetchedByDelta fetched;
    std::uint64_t layer_bytes = 0;  // what the missing layers as a whole would have transferred
};

// Fetches the commit by a delta, if one is chosen (choose_delta()), and sets the ref of the plan. Returns
// nullopt if none is, if the delta is of no use, or if the plan requires another commit than the image's.
// Nothing is recorded about the image's layers, because none was read. Throws as choose_delta(),
// fetch_by_delta() and publish_import().
std::optional<ImportedByDelta> import_by_delta(Repository& repository, const oci::Image& image,
                                               const ImportPlan& plan, ImageDeltas& deltas, FetchWay way,
                                               unsigned threads, Progress& progress);

}  // namespace osb::ostree
