// A single header block of a tar archive: the raw fields, checked only to be numbers and text. POSIX.1-2001
// pax, "ustar Interchange Format"; the GNU tar manual, "Basic Tar Format".
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.hh"

namespace osb::oci {

inline constexpr std::size_t kTarBlock = 512;
using TarBlock = std::span<const std::uint8_t, kTarBlock>;

// The number of zero bytes that pad content of `size` bytes to whole blocks.
constexpr std::size_t tar_padding(std::uint64_t size) noexcept {
    return static_cast<std::size_t>((kTarBlock - size % kTarBlock) % kTarBlock);
}

// The type of a sparse file in the old GNU format.
inline constexpr char kTypeGnuSparse = 'S';

enum class TarFormat { v7, ustar, star, gnu };

// The views point into the block.
struct TarHeader {
    TarFormat format = TarFormat::v7;
    char type = 0;
    std::string_view name;
    std::string_view prefix;  // of the name, without the slash between them; may be empty
    std::string_view link_name;
    std::int64_t mode = 0;
    std::int64_t uid = 0;
    std::int64_t gid = 0;
    std::int64_t size = 0;
    std::int64_t time = 0;  // of the last change, in seconds since 1970; 0 if the field is malformed
    std::int64_t device_major = 0;
    std::int64_t device_minor = 0;
};

bool is_zero_block(TarBlock block) noexcept;
// True if the checksum of the block is right, so that it may be a header.
bool has_tar_checksum(TarBlock block) noexcept;

// Throws Error{invalid} for a wrong checksum, an unknown magic, fields that are not numbers, and a name that
// programs interpret differently. Ignores user and group names. Does not check the time of the last change.
TarHeader parse_tar_header(TarBlock block);

// Parses a number of a tar header. It is either octal digits with spaces around them and NULs after them (no
// digits mean 0), or big-endian two's complement with the topmost bit of the first byte set ("base-256").
// Throws Error{invalid} naming `what`.
std::int64_t parse_tar_number(ByteView field, std::string_view what);

// A field up to its first NUL, or the whole field.
std::string_view tar_text(ByteView field) noexcept;

}  // namespace osb::oci
