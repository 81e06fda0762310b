// Image configurations, and the dates in them.
#include <cstddef>
#include <cstdint>

#include "base/error.hh"
#include "oci/documents/manifest.hh"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace osb;
    const std::string_view text = as_text({data, size});
    oci::parse_rfc3339(text);
    try {
        const oci::ImageConfig config = oci::ImageConfig::parse(std::string(text));
        // A config that names no platform is taken, and counts as the machine's own.
        if (oci::machine_name(config.platform).empty()) __builtin_trap();
    } catch (const Error&) {
    }
    return 0;
}
