// Tables of contents of zstd:chunked layers: the JSON; the compressed form, for input that begins as zstd
// does; and what says where a table lies: the annotations, for input of the form "io...=value", one a line,
// or the footer, for input that ends in its magic.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/error.hh"
#include "base/hash.hh"
#include "oci/chunked/zstd_chunked_toc.hh"

namespace {

using namespace osb;  // NOLINT(google-build-using-namespace): one file, which is a program

constexpr std::uint64_t kPayloadEnd = 1U << 20U;

void require(bool holds) {
    if (!holds) std::abort();
}

void check_chunks(const oci::TocEntry& entry, std::uint64_t payload_end) {
    require(entry.chunks.empty() == (entry.tar.size == 0));
    require(entry.digest.has_value() == (entry.tar.size > 0));
    std::uint64_t content = 0;
    for (const oci::TocChunk& chunk : entry.chunks) {
        require(chunk.content_offset == content && chunk.size > 0);
        require(chunk.offset < chunk.end_offset && chunk.end_offset <= payload_end);
        require(entry.chunks.size() == 1 || chunk.digest.has_value());
        content += chunk.size;
    }
    require(content == entry.tar.size);
}

std::string to_json(const oci::Toc& toc) {
    std::string out = R"({"version":1,"entries":[)";
    for (std::size_t i = 0; i < toc.entries.size(); ++i) {
        if (i > 0) out += ',';
        oci::append_toc_entry(out, toc.entries[i]);
    }
    return out + "]}";
}

// What was taken holds what the header promises, and is the same when it is written and read again.
void check_toc(const oci::Toc& toc, std::uint64_t payload_end) {
    for (const oci::TocEntry& entry : toc.entries) check_chunks(entry, payload_end);
    const std::string json = to_json(toc);
    if (json.size() > oci::kMaxToc) return;
    require(to_json(oci::parse_toc(json, payload_end)) == json);
}

oci::Descriptor empty_layer() {
    return {.media_type = "application/vnd.oci.image.layer.v1.tar+zstd",
            .digest = oci::Digest::of({}),
            .size = kPayloadEnd,
            .annotations = {},
            .platform = {},
            .artifact_type = {}};
}

void check_location(const oci::TocLocation& location) {
    const auto in_blob = [](const oci::TocRange& range) {
        require(range.size > 0 && range.offset <= kPayloadEnd && range.size <= kPayloadEnd - range.offset);
    };
    in_blob(location.toc);
    if (location.tar_split) in_blob(*location.tar_split);
    require(std::max(location.toc.size, location.toc.uncompressed_size) <= oci::kMaxToc);
}

void check_footer(std::string_view tail) {
    const auto location = oci::find_toc_footer(tail, empty_layer());
    if (location) check_location(*location);
}

void check_annotations(std::string_view text) {
    oci::Descriptor layer = empty_layer();
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos) continue;
        layer.annotations[std::string(line.substr(0, equals))] = line.substr(equals + 1);
    }
    const auto location = oci::find_toc(layer);
    if (!location) return;
    check_location(*location);
    layer.annotations = oci::toc_annotations(*location);
    require(oci::toc_annotations(*oci::find_toc(layer)) == layer.annotations);
}

void check_compressed(ByteView bytes) {
    const oci::TocLocation location{
        .toc = {.offset = kPayloadEnd, .size = bytes.size(), .uncompressed_size = 64UL * 1024},
        .toc_digest = sha256(bytes),
        .tar_split = {}};
    check_toc(oci::read_toc(bytes, location), kPayloadEnd);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView bytes(data, size);
    const std::string_view text = as_text(bytes);
    try {
        check_footer(text);
        if (text.starts_with("\x28\xB5\x2F\xFD")) {
            check_compressed(bytes);
        } else if (text.starts_with("io.")) {
            check_annotations(text);
        } else {
            check_toc(oci::parse_toc(text, kPayloadEnd), kPayloadEnd);
        }
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): refused input is what most of it is
    }
    return 0;
}
