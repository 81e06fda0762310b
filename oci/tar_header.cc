#include "oci/tar_header.hh"

#include <algorithm>
#include <cstring>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::oci {
namespace {

struct Field {
    std::size_t offset;
    std::size_t size;
};

constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kType = 156;
constexpr Field kLinkName{157, 100};
constexpr Field kMagicAndVersion{257, 8};
constexpr Field kDeviceMajor{329, 8};
constexpr Field kDeviceMinor{337, 8};
constexpr Field kPrefix{345, 155};
constexpr Field kStarPrefix{345, 131};
constexpr Field kStarTrailer{508, 4};

ByteView field(TarBlock block, Field place) {
    return block.subspan(place.offset, place.size);
}

bool is_filler(std::uint8_t byte) noexcept {
    return byte == ' ' || byte == 0;
}

std::int64_t parse_base256(ByteView bytes, std::string_view what) {
    // Two's complement over all bits but the topmost one of the first byte.
    const bool negative = (bytes[0] & 0x40U) != 0;
    std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::uint8_t byte = bytes[i];
        if (i == 0) byte = static_cast<std::uint8_t>(negative ? (byte | 0x80U) : (byte & 0x7fU));
        const std::uint64_t top = value >> 55U;  // what the shift drops, and the sign that must not change
        if (top != 0 && top != 0x1ffU) throw Error(ErrorKind::invalid, concat(what, " does not fit 64 bits"));
        value = (value << 8U) | byte;
    }
    return static_cast<std::int64_t>(value);
}

// The sum of a header's bytes, those of the checksum field taken as spaces; historic tars add the bytes as
// signed.
bool checksum_matches(TarBlock block) {
    std::uint32_t sum = 0;
    std::uint32_t high = 0;
    for (const std::uint8_t byte : block) {
        sum += byte;
        high += byte >> 7U;
    }
    for (const std::uint8_t byte : field(block, kChecksum)) {
        sum += static_cast<std::uint32_t>(' ') - byte;
        high -= byte >> 7U;
    }
    const std::int64_t expected = parse_tar_number(field(block, kChecksum), "the header checksum");
    const auto unsigned_sum = static_cast<std::int64_t>(sum);
    return expected == unsigned_sum || expected == unsigned_sum - 256 * static_cast<std::int64_t>(high);
}

TarFormat format_of(TarBlock block) {
    const std::string_view magic = as_text(field(block, kMagicAndVersion));
    if (magic == std::string_view("ustar  \0", 8)) return TarFormat::gnu;
    if (!magic.starts_with(std::string_view("ustar\0", 6))) return TarFormat::v7;
    const bool star = as_text(field(block, kStarTrailer)) == std::string_view("tar\0", 4);
    return star ? TarFormat::star : TarFormat::ustar;
}

}  // namespace

bool is_zero_block(TarBlock block) noexcept {
    return block[0] == 0 && std::memcmp(block.data(), block.data() + 1, block.size() - 1) == 0;
}

std::string_view tar_text(ByteView bytes) noexcept {
    const std::string_view text = as_text(bytes);
    return text.substr(0, text.find('\0'));
}

std::int64_t parse_tar_number(ByteView bytes, std::string_view what) {
    if (!bytes.empty() && (bytes[0] & 0x80U) != 0) return parse_base256(bytes, what);
    std::size_t i = 0;
    while (i < bytes.size() && is_filler(bytes[i])) ++i;
    std::int64_t value = 0;  // at most 12 octal digits, 36 bits
    for (; i < bytes.size() && bytes[i] >= '0' && bytes[i] <= '7'; ++i) value = value * 8 + (bytes[i] - '0');
    // What lies behind a NUL is not part of the number.
    while (i < bytes.size() && bytes[i] == ' ') ++i;
    if (i < bytes.size() && bytes[i] != 0)
        throw Error(ErrorKind::invalid, concat(what, " is not a number: ", quoted(tar_text(bytes))));
    return value;
}

TarHeader parse_tar_header(TarBlock block) {
    if (!checksum_matches(block)) throw Error(ErrorKind::invalid, "wrong header checksum");
    TarHeader header;
    header.format = format_of(block);
    header.type = static_cast<char>(block[kType]);
    header.name = tar_text(field(block, kName));
    header.link_name = tar_text(field(block, kLinkName));
    header.mode = parse_tar_number(field(block, kMode), "the mode");
    header.uid = parse_tar_number(field(block, kUid), "the user id");
    header.gid = parse_tar_number(field(block, kGid), "the group id");
    header.size = parse_tar_number(field(block, kSize), "the size");
    if (header.format == TarFormat::v7) return header;
    header.device_major = parse_tar_number(field(block, kDeviceMajor), "the major device number");
    header.device_minor = parse_tar_number(field(block, kDeviceMinor), "the minor device number");
    if (header.format == TarFormat::ustar) header.prefix = tar_text(field(block, kPrefix));
    if (header.format == TarFormat::star) header.prefix = tar_text(field(block, kStarPrefix));
    return header;
}

}  // namespace osb::oci
