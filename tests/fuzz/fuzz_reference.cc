// Names of images, digests and platforms.
#include <cstddef>
#include <cstdint>

#include "base/error.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/platform.hh"
#include "oci/documents/reference.hh"

namespace {

template<typename F>
void attempt(F&& f) {
    try {
        std::forward<F>(f)();
    } catch (const osb::Error&) {
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace osb;
    const std::string_view text = as_text({data, size});
    attempt([text] {
        const oci::Reference reference = oci::Reference::parse(text);
        // What is printed names the same image, and the short name is one that a ref may hold.
        const oci::Reference again = oci::Reference::parse(reference.to_string());
        if (again.to_string() != reference.to_string() || again.location != reference.location)
            __builtin_trap();
        const std::string name = reference.short_name();
        if (name.empty() || name.front() == '.' || name.front() == '-') __builtin_trap();
        if (name.find('/') != std::string::npos) __builtin_trap();
    });
    attempt([text] {
        if (oci::Digest::parse(text).to_string() != text) __builtin_trap();
    });
    attempt([text] { oci::Platform::parse(text); });
    return 0;
}
