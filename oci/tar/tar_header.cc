#include "oci/tar/tar_header.hh"

#include <algorithm>
#include <cstring>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/tar/tar_fields.hh"

namespace osb::oci {
namespace {

using ustar::Field;

// Fields of formats other than ustar.
constexpr Field kStarPrefix{345, 131};
constexpr Field kStarTrailer{508, 4};
constexpr Field kGnuAccessTime{345, 12};
constexpr Field kGnuChangeTime{357, 12};
constexpr std::size_t kGnuSparseMap = 386;
constexpr std::size_t kGnuSparseRealSize = 483;

ByteView field(TarBlock block, Field place) {
    return block.subspan(place.offset, place.size);
}

constexpr std::string_view kFiller(" \0", 2);

std::int64_t parse_base256(ByteView bytes, std::string_view what) {
    // Two's complement, without the topmost bit of the first byte.
    const bool negative = (bytes[0] & 0x40U) != 0;
    std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::uint8_t byte = bytes[i];
        if (i == 0) byte = static_cast<std::uint8_t>(negative ? (byte | 0x80U) : (byte & 0x7fU));
        const std::uint64_t top = value >> 55U;  // the bits that the shift drops, and the sign
        if (top != 0 && top != 0x1ffU) throw Error(ErrorKind::invalid, concat(what, " does not fit 64 bits"));
        value = (value << 8U) | byte;
    }
    return static_cast<std::int64_t>(value);
}

// Parses octal digits with spaces and NULs around them. Text after a NUL is not part of the number. For some
// programs, a NUL before the digits ends an empty number.
std::int64_t parse_octal(ByteView bytes, std::string_view what) {
    const std::string_view text = as_text(bytes);
    const std::size_t begin = text.find_first_not_of(kFiller);
    if (begin == std::string_view::npos) return 0;
    if (text.find('\0') < begin) throw Error(ErrorKind::invalid, concat(what, " has a NUL in front"));
    const std::size_t end = text.find_last_not_of(kFiller) + 1;
    std::string_view digits = text.substr(begin, end - begin);
    digits = digits.substr(0, digits.find('\0'));
    if (digits.find_first_not_of("01234567") != std::string_view::npos)
        throw Error(ErrorKind::invalid, concat(what, " is not a number: ", quoted(tar_text(bytes))));
    std::int64_t value = 0;  // at most 12 octal digits, 36 bits
    for (const char digit : digits) value = value * 8 + (digit - '0');
    return value;
}

// The sum of a header's bytes, with spaces in place of the checksum field. Historic tar programs add signed
// bytes.
bool checksum_matches(TarBlock block) {
    std::uint32_t sum = 0;
    std::uint32_t high = 0;
    for (const std::uint8_t byte : block) {
        sum += byte;
        high += byte >> 7U;
    }
    for (const std::uint8_t byte : field(block, ustar::kChecksum)) {
        sum += static_cast<std::uint32_t>(' ') - byte;
        high -= byte >> 7U;
    }
    const std::int64_t expected = parse_octal(field(block, ustar::kChecksum), "the header checksum");
    const auto unsigned_sum = static_cast<std::int64_t>(sum);
    return expected == unsigned_sum || expected == unsigned_sum - 256 * static_cast<std::int64_t>(high);
}

TarFormat format_of(TarBlock block) {
    const std::string_view magic = as_text(field(block, ustar::kMagicAndVersion));
    if (magic == std::string_view("ustar  \0", 8)) return TarFormat::gnu;
    if (magic.starts_with(std::string_view("ustar\0", 6))) {
        const bool star = as_text(field(block, kStarTrailer)) == std::string_view("tar\0", 4);
        return star ? TarFormat::star : TarFormat::ustar;
    }
    // Programs differ in whether such a header has a prefix.
    if (magic.starts_with("ustar")) throw Error(ErrorKind::invalid, concat("unknown magic ", quoted(magic)));
    return TarFormat::v7;
}

// The prefix of the name. Go treats text in place of a GNU header's times as a prefix, because it once wrote
// such headers; other programs do not. A star header has times where POSIX has a longer prefix.
std::string_view prefix_of(TarBlock block, TarFormat format) {
    switch (format) {
        case TarFormat::v7:
            return {};
        case TarFormat::ustar:
            return tar_text(field(block, ustar::kPrefix));
        case TarFormat::star: {
            const std::string_view prefix = tar_text(field(block, kStarPrefix));
            if (prefix != tar_text(field(block, ustar::kPrefix)))
                throw Error(ErrorKind::invalid, "a prefix that ends where a star header has its times");
            return prefix;
        }
        case TarFormat::gnu:
            if (block[kGnuAccessTime.offset] != 0)
                parse_tar_number(field(block, kGnuAccessTime), "the access time");
            if (block[kGnuChangeTime.offset] != 0)
                parse_tar_number(field(block, kGnuChangeTime), "the change time");
            // libarchive treats any file with a map as sparse.
            if (static_cast<char>(block[ustar::kType.offset]) != kTypeGnuSparse &&
                (block[kGnuSparseMap] != 0 || block[kGnuSparseRealSize] != 0))
                throw Error(ErrorKind::invalid, "a sparse map in the header of something else");
            return {};
    }
    return {};
}

// No program interprets an archive differently because of a time, so a malformed one is no reason to
// reject it.
std::int64_t time_of(TarBlock block) {
    try {
        return parse_tar_number(field(block, ustar::kTime), "the time");
    } catch (const Error&) {
        return 0;
    }
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
    return parse_octal(bytes, what);
}

bool has_tar_checksum(TarBlock block) noexcept {
    try {
        return checksum_matches(block);
    } catch (const Error&) {
        return false;
    }
}

TarHeader parse_tar_header(TarBlock block) {
    if (!checksum_matches(block)) throw Error(ErrorKind::invalid, "wrong header checksum");
    TarHeader header;
    header.format = format_of(block);
    header.type = static_cast<char>(block[ustar::kType.offset]);
    header.name = tar_text(field(block, ustar::kName));
    header.link_name = tar_text(field(block, ustar::kLinkName));
    header.mode = parse_tar_number(field(block, ustar::kMode), "the mode");
    header.uid = parse_tar_number(field(block, ustar::kUid), "the user id");
    header.gid = parse_tar_number(field(block, ustar::kGid), "the group id");
    header.size = parse_tar_number(field(block, ustar::kSize), "the size");
    header.time = time_of(block);
    if (header.format == TarFormat::v7) return header;
    header.device_major = parse_tar_number(field(block, ustar::kDeviceMajor), "the major device number");
    header.device_minor = parse_tar_number(field(block, ustar::kDeviceMinor), "the minor device number");
    header.prefix = prefix_of(block, header.format);
    return header;
}

}  // namespace osb::oci
