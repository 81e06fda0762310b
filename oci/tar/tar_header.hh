// One header block of a tar archive: its fields as they lie there, checked for being numbers and texts at
// all. POSIX.1-2001 pax "ustar Interchange Format"; the GNU tar manual, "Basic Tar Format".
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.hh"

namespace osb::oci {

inline constexpr std::size_t kTarBlock = 512;
using TarBlock = std::span<const std::uint8_t, kTarBlock>;

// The zeros behind content of `size` bytes, which make whole blocks of it.
constexpr std::size_t tar_padding(std::uint64_t size) noexcept {
    return static_cast<std::size_t>((kTarBlock - size % kTarBlock) % kTarBlock);
}

// The type of a sparse file in GNU tar's old format.
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
    std::int64_t device_major = 0;
    std::int64_t device_minor = 0;
};

bool is_zero_block(TarBlock block) noexcept;
// Whether the block may be a header: its checksum is right.
bool has_tar_checksum(TarBlock block) noexcept;

// Throws Error{invalid}: wrong checksum, unknown magic, fields that are not numbers, and a name that programs
// read differently. Other times than GNU's and the names of users are not looked at.
TarHeader parse_tar_header(TarBlock block);

// A number as tar headers hold it: octal digits with spaces around them and NULs behind (none at all are 0),
// or big-endian two's complement with the topmost bit of the first byte set ("base-256"). Throws
// Error{invalid} naming `what`.
std::int64_t parse_tar_number(ByteView field, std::string_view what);

// A field up to its first NUL, or whole.
std::string_view tar_text(ByteView field) noexcept;

}  // namespace osb::oci
