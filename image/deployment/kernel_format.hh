// Detects the format of a kernel file from its first bytes. See the Linux documentation, arch/x86/boot ("The
// Linux/x86 Boot Protocol") and arch/arm64/booting.
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

// The number of bytes that kernel_format() inspects. A shorter file is `unknown`.
inline constexpr std::size_t kKernelHeaderSize = 1024;

// Returns the format of a kernel that begins with `head`. Thread-safe. Does not fail: any bytes have a
// format.
KernelFormat kernel_format(std::string_view head);

// Returns a description for messages, for example "a 64-bit x86 kernel".
std::string_view to_string(KernelFormat format);

}  // namespace osb::image
