// Image indexes and manifest lists.
#include <cstddef>
#include <cstdint>

#include "base/error.hh"
#include "oci/documents/manifest.hh"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace osb;
    const std::string_view text = as_text({data, size});
    try {
        const oci::Index index = oci::Index::parse(text, "");
        if (oci::sniff_document_kind(text) != oci::DocumentKind::index) __builtin_trap();
        for (const oci::Descriptor& entry : index.manifests) {
            if (oci::Digest::parse(entry.digest.to_string()) != entry.digest) __builtin_trap();
        }
    } catch (const Error&) {
    }
    return 0;
}
