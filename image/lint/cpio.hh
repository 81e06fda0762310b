// Reads the cpio archives of an initramfs as the Linux kernel does (Documentation/driver-api/early-userspace,
// "initramfs buffer format"): any number of archives in the format newc, with or without checksums, zero
// bytes between them, and optionally a compressed part at the end.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/stream.hh"

namespace osb::image {

// The limits of one initramfs.
inline constexpr std::size_t kMaxCpioEntries = 1'000'000;
inline constexpr std::size_t kMaxCpioName = 4096;
inline constexpr std::uint64_t kMaxCpioBytes = 2ULL << 30;  // unpacked

// An entry of an archive.
struct CpioEntry {
    std::string name;        // without leading '/' and "./"
    std::uint32_t mode = 0;  // with the file type
    std::uint64_t size = 0;  // in bytes; of a link: of its target
};

// Receives each entry in the order of the file. Returns false to stop.
using CpioVisitor = std::function<bool(const CpioEntry&)>;

// Reads all archives in `file`. Decompresses gzip and zstd. Throws Error{unsupported} that names another
// compression, Error{invalid} for anything that the kernel would not unpack, and Error{too_large} beyond the
// limits. The visitor may have seen entries before that. Throws Interrupted.
void read_initramfs(Source& file, const CpioVisitor& use);

}  // namespace osb::image
