// The list of entries in a layer's commit: a repository may be damaged, or be somebody else's.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/error.hh"
#include "ostree/tree/layer_entries.hh"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const osb::ByteView bytes(data, size);
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
