#include "image/deployment/kernel_format.hh"

#include "base/byte_order.hh"

namespace osb::image {
namespace {

bool has(std::string_view head, std::size_t at, std::string_view magic) {
    return head.substr(at, magic.size()) == magic;
}

// The setup header of a bzImage: "HdrS" at 0x202, the protocol's version at 0x206, xloadflags at 0x236.
KernelFormat bzimage_format(std::string_view head) {
    constexpr std::size_t kVersion = 0x206;
    constexpr std::size_t kLoadFlags = 0x236;
    constexpr std::uint64_t kFirstWithFlags = 0x020c;
    constexpr std::uint64_t kHas64BitEntry = 1;
    const bool has_flags = from_little_endian(head.substr(kVersion, 2)) >= kFirstWithFlags;
    const bool is_64_bit = (from_little_endian(head.substr(kLoadFlags, 2)) & kHas64BitEntry) != 0;
    return has_flags && is_64_bit ? KernelFormat::x86_64 : KernelFormat::x86_32;
}

}  // namespace

KernelFormat kernel_format(std::string_view head) {
    constexpr std::size_t kBzImageMagic = 0x202;
    constexpr std::size_t kArm64Magic = 0x38;
    constexpr std::size_t kZbootMagic = 4;
    if (head.size() < kKernelHeaderSize) return KernelFormat::unknown;
    if (has(head, kBzImageMagic, "HdrS")) return bzimage_format(head);
    if (has(head, kArm64Magic, "ARM\x64")) return KernelFormat::arm64;
    if (has(head, 0, "MZ") && has(head, kZbootMagic, "zimg")) return KernelFormat::efi_zboot;
    return KernelFormat::unknown;
}

std::string_view to_string(KernelFormat format) {
    switch (format) {
        case KernelFormat::unknown:
            return "not a known kernel";
        case KernelFormat::x86_32:
            return "a 32-bit x86 kernel";
        case KernelFormat::x86_64:
            return "a 64-bit x86 kernel";
        case KernelFormat::arm64:
            return "a 64-bit ARM kernel";
        case KernelFormat::efi_zboot:
            return "a compressed EFI kernel";
    }
    return "not a known kernel";
}

}  // namespace osb::image
