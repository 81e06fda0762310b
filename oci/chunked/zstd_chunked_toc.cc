#include "oci/chunked/zstd_chunked_toc.hh"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <limits>

#include "base/base64.hh"
#include "base/byte_order.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/json_text.hh"

namespace osb::oci {
namespace {

constexpr std::uint64_t kManifestType = 1;  // the only defined type
constexpr std::string_view kName = "io.github.containers.zstd-chunked.";
constexpr std::string_view kOldName = "io.containers.zstd-chunked.";
constexpr std::string_view kChecksum = "manifest-checksum";
constexpr std::string_view kPosition = "manifest-position";
constexpr std::string_view kTarSplitPosition = "tarsplit-position";

const std::string* annotation(const Descriptor& layer, std::string_view prefix, std::string_view name) {
    const auto found = layer.annotations.find(concat(prefix, name));
    return found == layer.annotations.end() ? nullptr : &found->second;
}

[[noreturn]] void throw_position(std::string_view text) {
    throw Error(ErrorKind::invalid, concat("zstd:chunked: malformed position ", quoted(text)));
}

// Parses exactly `count` decimal numbers, separated by colons.
std::vector<std::uint64_t> parse_numbers(const std::string& text, std::size_t count) {
    std::vector<std::uint64_t> out;
    const char* at = text.data();
    const char* const end = at + text.size();
    for (;;) {
        std::uint64_t value = 0;
        const auto [rest, problem] = std::from_chars(at, end, value);
        if (problem != std::errc() || value > static_cast<std::uint64_t>(INT64_MAX)) throw_position(text);
        out.push_back(value);
        if (out.size() == count) {
            if (rest != end) throw_position(text);
            return out;
        }
        if (rest == end || *rest != ':') throw_position(text);
        at = rest + 1;
    }
}

std::string numbers_text(std::initializer_list<std::uint64_t> numbers) {
    std::string out;
    for (const std::uint64_t number : numbers) {
        if (!out.empty()) out += ':';
        out += std::to_string(number);
    }
    return out;
}

TocRange checked_range(const std::vector<std::uint64_t>& numbers, const Descriptor& layer) {
    const TocRange range{.offset = numbers[0], .size = numbers[1], .uncompressed_size = numbers[2]};
    if (range.size == 0 || range.offset > layer.size || range.size > layer.size - range.offset) {
        throw Error(ErrorKind::invalid, concat("zstd:chunked: ", range.size, " bytes at ", range.offset,
                                               " are not in a blob of ", layer.size, " bytes"));
    }
    return range;
}

TocRange checked_toc(const std::vector<std::uint64_t>& numbers, const Descriptor& layer) {
    const TocRange out = checked_range(numbers, layer);
    if (std::max(out.size, out.uncompressed_size) > kMaxToc)
        throw Error(ErrorKind::too_large, "zstd:chunked: table of contents of more than 50 MiB");
    return out;
}

// The forms of the footer: numbers of eight bytes, and a magic.
struct FooterForm {
    std::size_t size;
    std::string_view magic;
};
constexpr std::array kFooterForms{FooterForm{64, "GNUlInUx"}, FooterForm{40, "GnUlInUx"}};
constexpr std::string_view kSkippableMagic = "\x50\x2a\x4d\x18";

std::string frame_size(std::size_t size) {
    std::string out;
    append_little_endian(out, size, 4);
    return out;
}

std::string_view type_name(TarType type) {
    switch (type) {
        case TarType::file:
            return "reg";
        case TarType::hardlink:
            return "hardlink";
        case TarType::symlink:
            return "symlink";
        case TarType::character_device:
            return "char";
        case TarType::block_device:
            return "block";
        case TarType::directory:
            return "dir";
        case TarType::fifo:
            return "fifo";
    }
    throw Error(ErrorKind::internal, "unknown type of a tar entry");
}

void append_text(std::string& out, std::string_view key, std::string_view value) {
    out += concat(",\"", key, "\":");
    append_json_string(out, value);
}

void append_number(std::string& out, std::string_view key, std::uint64_t value) {
    if (value > 0) out += concat(",\"", key, "\":", value);
}

void append_digest(std::string& out, std::string_view key, const std::optional<Sha256>& digest) {
    if (digest) out += concat(",\"", key, "\":\"sha256:", to_hex(*digest), '"');
}

// Appends the members of a chunk, for a file with several chunks.
void append_chunk(std::string& out, const TocChunk& chunk) {
    append_number(out, "chunkSize", chunk.size);
    append_number(out, "chunkOffset", chunk.content_offset);
    append_digest(out, "chunkDigest", chunk.digest);
    if (chunk.zeros) append_text(out, "chunkType", "zeros");
}

void append_xattrs(std::string& out, const TarEntry& tar) {
    if (tar.xattrs.empty()) return;
    out += R"(,"xattrs":)";
    char separator = '{';
    for (const auto& [name, value] : tar.xattrs) {
        out += separator;
        append_json_string(out, name);
        out += ":\"";
        append_base64(out, as_bytes(value));
        out += '"';
        separator = ',';
    }
    out += '}';
}

}  // namespace

std::optional<TocLocation> find_toc(const Descriptor& layer) {
    for (const std::string_view prefix : {kName, kOldName}) {
        const std::string* checksum = annotation(layer, prefix, kChecksum);
        const std::string* position = annotation(layer, prefix, kPosition);
        if (checksum == nullptr && position == nullptr) continue;
        if (checksum == nullptr || position == nullptr) {
            throw Error(ErrorKind::invalid,
                        "zstd:chunked: the checksum or the position of the table is missing");
        }
        const std::vector<std::uint64_t> numbers = parse_numbers(*position, 4);
        if (numbers[3] != kManifestType) {
            throw Error(ErrorKind::unsupported,
                        concat("zstd:chunked: table of kind ", numbers[3], ", expected 1"));
        }
        TocLocation out{.toc = checked_toc(numbers, layer), .toc_digest = {}, .tar_split = {}};
        const Digest digest = Digest::parse(*checksum);
        if (digest.algorithm() != HashAlgorithm::sha256) {
            throw Error(ErrorKind::unsupported,
                        concat("zstd:chunked: digest ", digest.short_string(), ", expected sha256"));
        }
        out.toc_digest = parse_sha256(digest.hex());
        const std::string* tar_split = annotation(layer, prefix, kTarSplitPosition);
        if (tar_split != nullptr) out.tar_split = checked_range(parse_numbers(*tar_split, 3), layer);
        return out;
    }
    return std::nullopt;
}

std::optional<TocLocation> find_toc_footer(std::string_view tail, const Descriptor& layer) {
    for (const FooterForm& form : kFooterForms) {
        const std::string frame = concat(kSkippableMagic, frame_size(form.size));
        if (tail.size() < frame.size() + form.size || !tail.ends_with(form.magic)) continue;
        std::string_view footer = tail.substr(tail.size() - frame.size() - form.size);
        if (!footer.starts_with(frame)) continue;
        footer.remove_prefix(frame.size());
        std::vector<std::uint64_t> numbers;
        for (; footer.size() > form.magic.size(); footer.remove_prefix(8))
            numbers.push_back(from_little_endian(footer.substr(0, 8)));
        if (numbers[3] != kManifestType) return std::nullopt;
        try {
            TocLocation out{.toc = checked_toc(numbers, layer), .toc_digest = {}, .tar_split = {}};
            if (numbers.size() > 4 && numbers[5] > 0)
                out.tar_split = checked_range({numbers[4], numbers[5], numbers[6]}, layer);
            return out;
        } catch (const Error&) {
            return std::nullopt;
        }
    }
    return std::nullopt;
}

std::map<std::string, std::string> toc_annotations(const TocLocation& location) {
    std::map<std::string, std::string> out;
    const TocRange& toc = location.toc;
    for (const std::string_view prefix : {kName, kOldName}) {
        out[concat(prefix, kChecksum)] = concat("sha256:", to_hex(location.toc_digest));
        out[concat(prefix, kPosition)] =
            numbers_text({toc.offset, toc.size, toc.uncompressed_size, kManifestType});
    }
    if (location.tar_split) {
        const TocRange& range = *location.tar_split;
        out[concat(kName, kTarSplitPosition)] =
            numbers_text({range.offset, range.size, range.uncompressed_size});
    }
    return out;
}

void append_toc_entry(std::string& out, const TocEntry& entry) {
    const TarEntry& tar = entry.tar;
    out += concat(R"({"type":")", type_name(tar.type), '"');
    append_text(out, "name", tar.path);
    if (!tar.link_target.empty()) append_text(out, "linkName", tar.link_target);
    append_number(out, "mode", tar.mode);
    append_number(out, "size", tar.size);
    append_number(out, "uid", tar.uid);
    append_number(out, "gid", tar.gid);
    // The time in the archive is 0. Some readers require this member.
    append_text(out, "modtime", "1970-01-01T00:00:00Z");
    append_number(out, "devMajor", tar.device_major);
    append_number(out, "devMinor", tar.device_minor);
    append_xattrs(out, tar);
    append_digest(out, "digest", entry.digest);
    if (!entry.chunks.empty()) {
        append_number(out, "offset", entry.chunks.front().offset);
        append_number(out, "endOffset", entry.chunks.back().end_offset);
        if (entry.chunks.size() > 1) append_chunk(out, entry.chunks.front());
    }
    out += '}';
    for (std::size_t i = 1; i < entry.chunks.size(); ++i) {
        out += R"(,{"type":"chunk")";
        append_text(out, "name", tar.path);
        append_number(out, "offset", entry.chunks[i].offset);
        append_chunk(out, entry.chunks[i]);
        out += '}';
    }
}

}  // namespace osb::oci
