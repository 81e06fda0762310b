// The layers of a large image, brought into a repository some at a time: what came before the network went
// away need not come again.
#pragma once

#include <cstdint>

#include "base/progress.hh"
#include "oci/transports/image.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// As much is lost at the most, in bytes of blobs, or one layer where that is larger. Images with less that is
// missing are left to the import, which waits for the disk once.
inline constexpr std::uint64_t kFetchBatch = 64UL * 1024 * 1024;

// Reads the layers that present_layers() does not have, so that the import which follows knows them; the
// first one of an image that holds a commit is left to it. Each batch is durable, and its layers are known,
// before the next begins. Returns the bytes of blobs that were read. Throws as import_image().
std::uint64_t fetch_layers(Repository& repository, const oci::Image& image, unsigned jobs, Progress& progress,
                           std::uint64_t batch = kFetchBatch);

}  // namespace osb::ostree
