#include "ostree/import/layer_space.hh"

#include "base/error.hh"
#include "base/escape.hh"
#include "base/free_space.hh"

namespace osb::ostree {
namespace {

// The minimum stored size of a layer, estimated: its blob's size, or the deflated size of an uncompressed
// layer.
std::uint64_t stored_size(const Repository& repository, const oci::Descriptor& layer) {
    constexpr std::uint64_t kDeflated = 16;
    const bool shrinks = repository.mode() == RepoMode::archive && !layer.media_type.ends_with("gzip") &&
                         !layer.media_type.ends_with("zstd");
    return shrinks ? layer.size / kDeflated : layer.size;
}

}  // namespace

void check_space_for(const Repository& repository, const std::vector<const oci::Descriptor*>& layers) {
    const std::uint64_t free = free_space(repository.path()).bytes;
    std::uint64_t needed = 0;
    for (const oci::Descriptor* layer : layers) {
        const std::uint64_t size = stored_size(repository, *layer);
        if (size > free - needed) {
            throw Error(ErrorKind::no_space, concat("the image's layers do not fit into the ", (free >> 20U),
                                                    " MiB that are free in ", quoted(repository.path())));
        }
        needed += size;
    }
}

}  // namespace osb::ostree
