#include "tests/support/chunked_layer.hh"

#include <memory>
#include <optional>
#include <utility>

#include "base/byte_order.hh"
#include "base/hash.hh"
#include "oci/chunked/layer_writer.hh"
#include "oci/codec/unzstd.hh"
#include "oci/tar/tar_reader.hh"
#include "oci/tar/tar_split.hh"
#include "tests/support/compress.hh"
#include "tests/support/string_sink.hh"

namespace osb::test {
namespace {

std::string unpacked(const std::string& blob) {
    MemorySource source(as_bytes(blob));
    return read_all(*oci::unzstd(source), 1UL << 30, "a layer");
}

oci::Descriptor descriptor_of(const MemoryLayer& layer) {
    oci::Descriptor out{.media_type = {}, .digest = oci::Digest::of(as_bytes(layer.blob))};
    out.size = layer.blob.size();
    out.annotations = layer.annotations;
    return out;
}

constexpr std::size_t kSkippableHeader = 8;

oci::TocRange put_skippable(std::string& blob, const std::string& bytes, std::uint64_t uncompressed_size) {
    append_little_endian(blob, 0x184D2A50, 4);
    append_little_endian(blob, bytes.size(), 4);
    const oci::TocRange out{
        .offset = blob.size(), .size = bytes.size(), .uncompressed_size = uncompressed_size};
    blob += bytes;
    return out;
}

std::string part_of(const MemoryLayer& layer, const oci::TocRange& range) {
    return layer.blob.substr(range.offset, range.size);
}

// Compressed tar-split data.
struct PackedLines {
    std::string bytes;
    std::uint64_t uncompressed_size = 0;
};

MemoryLayer with_parts(const MemoryLayer& layer, const std::function<void(oci::Toc&)>& change,
                       const std::optional<PackedLines>& lines) {
    oci::TocLocation location = oci::find_toc(descriptor_of(layer)).value();
    oci::Toc toc = oci::read_toc(as_bytes(part_of(layer, location.toc)), location);
    change(toc);
    std::string json = R"({"version":1,"entries":[)";
    for (const oci::TocEntry& entry : toc.entries) {
        if (json.back() == '}') json += ',';
        oci::append_toc_entry(json, entry);
    }
    json += ']';
    if (lines) json += concat(R"(,"tarSplitDigest":"sha256:)", to_hex(sha256(as_bytes(lines->bytes))), '"');
    json += '}';
    MemoryLayer out = layer;
    out.blob.resize(location.toc.offset - kSkippableHeader);
    std::string packed = zstd(json);
    location.toc = put_skippable(out.blob, packed, json.size());
    location.toc_digest = sha256(as_bytes(packed));
    location.tar_split.reset();
    if (lines) location.tar_split = put_skippable(out.blob, lines->bytes, lines->uncompressed_size);
    std::string footer;
    for (const std::uint64_t number :
         {location.toc.offset, location.toc.size, location.toc.uncompressed_size, std::uint64_t{1}})
        append_little_endian(footer, number, 8);
    if (location.tar_split) {
        for (const std::uint64_t number :
             {location.tar_split->offset, location.tar_split->size, location.tar_split->uncompressed_size})
            append_little_endian(footer, number, 8);
    }
    footer += location.tar_split ? "GNUlInUx" : "GnUlInUx";
    put_skippable(out.blob, footer, 0);
    out.annotations = oci::toc_annotations(location);
    return out;
}

}  // namespace

MemoryLayer chunked_layer(const std::string& tar) {
    StringSink blob;
    const auto writer = oci::make_layer_writer(blob, oci::LayerFormat::parse("zstd:chunked:1"), nullptr);
    MemorySource source(as_bytes(tar));
    oci::TarReader reader(source);
    oci::TarEntry entry;
    while (reader.next(entry)) {
        writer->tar().begin(entry);
        std::string content(static_cast<std::size_t>(entry.size), '\0');
        for (std::size_t done = 0; done < content.size();) {
            // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): char aliases
            auto* const start = reinterpret_cast<std::uint8_t*>(content.data()) + done;
            done += reader.read({start, content.size() - done});
        }
        if (!content.empty()) writer->tar().write(as_bytes(content));
    }
    const oci::WrittenLayer written = writer->finish();
    return {.tar = unpacked(blob.text),
            .compression = oci::Compression::zstd,
            .blob = blob.text,
            .annotations = written.descriptor.annotations};
}

MemoryLayer with_table(const MemoryLayer& layer, const std::function<void(oci::Toc&)>& change,
                       TarSplit tar_split) {
    if (tar_split == TarSplit::removed) return with_parts(layer, change, std::nullopt);
    const oci::TocRange old = oci::find_toc(descriptor_of(layer)).value().tar_split.value();
    return with_parts(layer, change,
                      PackedLines{.bytes = part_of(layer, old), .uncompressed_size = old.uncompressed_size});
}

std::vector<oci::TarSplitLine> tar_split_lines(const MemoryLayer& layer) {
    const std::string packed = part_of(layer, oci::find_toc(descriptor_of(layer)).value().tar_split.value());
    MemorySource source(as_bytes(packed));
    const std::unique_ptr<Source> plain = oci::unzstd(source);
    oci::TarSplitReader reader(*plain);
    std::vector<oci::TarSplitLine> out;
    while (auto line = reader.next()) out.push_back(*std::move(line));
    return out;
}

std::string tar_split_text(const std::vector<oci::TarSplitLine>& lines) {
    StringSink out;
    oci::TarSplitWriter writer(out);
    for (const oci::TarSplitLine& line : lines) {
        if (line.name) {
            writer.file(*line.name, line.size, 0);
        } else {
            writer.segment(as_bytes(line.segment));
        }
    }
    return out.text;
}

MemoryLayer with_table_and_lines(const MemoryLayer& layer, const std::function<void(oci::Toc&)>& change,
                                 const std::vector<oci::TarSplitLine>& lines) {
    const std::string text = tar_split_text(lines);
    return with_parts(layer, change, PackedLines{.bytes = zstd(text), .uncompressed_size = text.size()});
}

}  // namespace osb::test
