// Downloads the objects and layers of a large image into a repository in batches, so that a network failure
// loses only the current batch.
#pragma once

#include <cstdint>

#include "base/progress.hh"
#include "oci/transports/image.hh"
#include "ostree/import/image_tables.hh"
#include "ostree/import/object_fetch.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// The size of a batch in bytes of blobs. A batch has at least one layer or range. If fewer bytes are missing,
// the import reads them, because it waits for the disk only once.
inline constexpr std::uint64_t kFetchBatch = 64UL * 1024 * 1024;

// Fetches the objects, files and layers that the repository lacks, so that a following import finds them. It
// leaves the first layer of an image with a commit to that import, unless it is fetched by objects. Each
// batch is durable before the next one starts: layers that were read are known then, and so are fetched
// files. Fetched objects have no ref, so the next prune removes them. Returns the bytes of blobs that were
// read, without tables. Throws as import_image().
std::uint64_t fetch_layers(Repository& repository, const oci::Image& image, ImageTables& tables, FetchWay way,
                           unsigned jobs, Progress& progress, std::uint64_t batch = kFetchBatch);

}  // namespace osb::ostree
