// The lists of entries and of digests in a layer's commit: a repository may be damaged, or be somebody
// else's.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/error.hh"
#include "ostree/tree/layer_digests.hh"
#include "ostree/tree/layer_entries.hh"

namespace {

void check_digests(osb::ByteView bytes) {
    osb::ostree::Layer layer(osb::oci::Digest::of({}));
    try {
        osb::ostree::parse_digests(osb::as_text(bytes), [&](const osb::ostree::KnownContent& content) {
            osb::ostree::LayerEntry& entry = layer.entries().emplace_back();
            entry.checksum = content.object;
            layer.digests().push_back({.digest = content.digest, .size = content.size, .entry = &entry});
        });
    } catch (const osb::Error&) {
        return;
    }
    if (osb::ostree::serialize_digests(layer) != osb::as_text(bytes)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const osb::ByteView bytes(data, size);
    check_digests(bytes);
    const osb::oci::Digest diff_id = osb::oci::Digest::of({});
    osb::ostree::Layer layer(diff_id);
    try {
        osb::ostree::parse_entries(osb::as_text(bytes), layer);
    } catch (const osb::Error&) {
        return 0;
    }
    // What was taken is what would be written.
    if (osb::ostree::serialize_entries(layer) != osb::as_text(bytes)) std::abort();
    return 0;
}
