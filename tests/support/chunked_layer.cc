#include "tests/support/chunked_layer.hh"

#include "base/byte_order.hh"
#include "base/hash.hh"
#include "oci/chunked/layer_writer.hh"
#include "oci/codec/unzstd.hh"
#include "oci/tar/tar_reader.hh"
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
    oci::TocLocation location = oci::find_toc(descriptor_of(layer)).value();
    const auto part = [&layer](const oci::TocRange& range) {
        return layer.blob.substr(range.offset, range.size);
    };
    oci::Toc toc = oci::read_toc(as_bytes(part(location.toc)), location);
    change(toc);
    std::string json = R"({"version":1,"entries":[)";
    for (const oci::TocEntry& entry : toc.entries) {
        if (json.back() == '}') json += ',';
        oci::append_toc_entry(json, entry);
    }
    json += ']';
    if (tar_split == TarSplit::kept && toc.tar_split_digest)
        json += concat(R"(,"tarSplitDigest":"sha256:)", to_hex(*toc.tar_split_digest), '"');
    json += '}';
    MemoryLayer out = layer;
    out.blob.resize(location.toc.offset - kSkippableHeader);
    std::string packed = zstd(json);
    location.toc = put_skippable(out.blob, packed, json.size());
    location.toc_digest = sha256(as_bytes(packed));
    if (tar_split == TarSplit::kept) {
        const oci::TocRange old = location.tar_split.value();
        location.tar_split = put_skippable(out.blob, part(old), old.uncompressed_size);
    } else {
        location.tar_split.reset();
    }
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

}  // namespace osb::test
