// Manifests as a registry or a layout delivers them, unlabelled.
#include <cstddef>
#include <cstdint>

#include "base/error.hh"
#include "oci/documents/manifest.hh"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace osb;
    const std::string_view text = as_text({data, size});
    try {
        const oci::Manifest manifest = oci::Manifest::parse(std::string(text), "", HashAlgorithm::sha256);
        // What was parsed is a manifest and nothing else.
        if (oci::sniff_document_kind(text) != oci::DocumentKind::manifest) __builtin_trap();
        if (manifest.layers.size() > oci::kMaxLayers) __builtin_trap();
    } catch (const Error&) {
    }
    return 0;
}
