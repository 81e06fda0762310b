// The format of a kernel file, from its first bytes: Linux documentation, arch/x86/boot ("The Linux/x86 Boot
// Protocol") and arch/arm64/booting.
#pragma once

#include <cstddef>
#include <string_view>

namespace osb::image {

enum class KernelFormat {
    unknown,
    x86_32,  // a bzImage without a 64-bit entry point
    x86_64,  // a bzImage with one
    arm64,   // an uncompressed Image
    efi_zboot,
};

// Bytes from the beginning that kernel_format() looks at. A shorter file is `unknown`.
inline constexpr std::size_t kKernelHeaderSize = 1024;

// Thread-safe, and without errors: any bytes have a format.
KernelFormat kernel_format(std::string_view head);

// "a 64-bit x86 kernel", for people.
std::string_view to_string(KernelFormat format);

}  // namespace osb::image
