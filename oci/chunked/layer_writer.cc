#include "oci/chunked/layer_writer.hh"

#include <charconv>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/hash.hh"
#include "oci/chunked/zstd_chunked.hh"
#include "oci/codec/compress.hh"
#include "oci/codec/zstd_frames.hh"
#include "oci/documents/media_type.hh"

namespace osb::oci {
namespace {

using Kind = LayerFormat::Kind;

struct KindFacts {
    Kind kind;
    std::string_view name;
    int min_level;
    int max_level;
    std::optional<int> default_level;  // nullopt: by content
    std::string_view media_type;
};

// The longer name comes first, because "zstd" is a prefix of "zstd:chunked".
constexpr KindFacts kKinds[] = {
    {Kind::zstd_chunked, "zstd:chunked", kMinZstdLevel, kMaxZstdLevel, std::nullopt, kMediaTypeLayerZstd},
    {Kind::zstd, "zstd", kMinZstdLevel, kMaxZstdLevel, kDefaultZstdLevel, kMediaTypeLayerZstd},
    {Kind::gzip, "gzip", 1, kMaxGzipLevel, kFastGzip, kMediaTypeLayerGzip},
    {Kind::none, "none", 0, -1, 0, kMediaTypeLayer},
};

const KindFacts& facts_of(Kind kind) {
    for (const KindFacts& facts : kKinds) {
        if (facts.kind == kind) return facts;
    }
    throw Error(ErrorKind::internal, "unknown compression");
}

std::optional<int> level_of(const LayerFormat& format) {
    const KindFacts& facts = facts_of(format.kind);
    if (!format.level) return facts.default_level;
    if (*format.level < facts.min_level || *format.level > facts.max_level) {
        Error error(ErrorKind::usage, concat(facts.name, " has no level ", *format.level));
        if (facts.max_level > 0) error.hint(concat("levels are ", facts.min_level, " to ", facts.max_level));
        throw Error(error);
    }
    return *format.level;
}

class HashingSink final : public Sink {
  public:
    explicit HashingSink(Sink& out) noexcept : out_(out) {}
    void write(ByteView bytes) override {
        hasher_.update(bytes);
        size_ += bytes.size();
        out_.write(bytes);
    }
    Digest digest() { return Digest::from_hex(HashAlgorithm::sha256, hasher_.finish_hex()); }
    std::uint64_t size() const noexcept { return size_; }

  private:
    Sink& out_;
    Hasher hasher_;
    std::uint64_t size_ = 0;
};

// The common end of both writers.
WrittenLayer describe(const LayerFormat& format, HashingSink& blob, HashingSink& tar) {
    return {.descriptor = {.media_type = std::string(facts_of(format.kind).media_type),
                           .digest = blob.digest(),
                           .size = blob.size(),
                           .annotations = {},
                           .platform = {},
                           .artifact_type = {}},
            .diff_id = tar.digest(),
            .tar_size = tar.size(),
            .toc = {}};
}

class PlainLayerWriter final : public LayerWriter {
  public:
    PlainLayerWriter(Sink& blob, const LayerFormat& format, TaskPool* pool)
        : format_(format), blob_(blob), compressor_(make_compressor(level_of(format).value(), pool)) {}

    TarWriter& tar() noexcept override { return writer_; }

    WrittenLayer finish() override {
        writer_.finish();
        compressor_->finish();
        return describe(format_, blob_, tar_);
    }

  private:
    std::unique_ptr<CompressingSink> make_compressor(int level, TaskPool* pool) {
        if (format_.kind == Kind::gzip) return gzip_sink(blob_, level, pool);
        if (format_.kind == Kind::zstd) return zstd_sink(blob_, level, ZstdFraming::frames, pool);
        return uncompressed_sink(blob_);
    }

    LayerFormat format_;
    HashingSink blob_;
    std::unique_ptr<CompressingSink> compressor_;
    HashingSink tar_{*compressor_};
    TarWriter writer_{tar_};
};

class ChunkedLayerWriter final : public LayerWriter {
  public:
    ChunkedLayerWriter(Sink& blob, const LayerFormat& format, TaskPool* pool)
        : format_(format), blob_(blob), chunked_(blob_, level_of(format), pool) {}

    TarWriter& tar() noexcept override { return writer_; }
    ReadyFrames* ready_frames() noexcept override { return &chunked_; }

    WrittenLayer finish() override {
        writer_.finish();
        const std::optional<TocLocation> toc = chunked_.finish();
        WrittenLayer out = describe(format_, blob_, tar_);
        out.toc = toc;
        if (toc) out.descriptor.annotations = toc_annotations(*toc);
        return out;
    }

  private:
    LayerFormat format_;
    HashingSink blob_;
    ZstdChunkedWriter chunked_;
    HashingSink tar_{chunked_};
    TarWriter writer_{tar_, &chunked_};
};

}  // namespace

LayerFormat LayerFormat::parse(std::string_view text) {
    for (const KindFacts& facts : kKinds) {
        if (!text.starts_with(facts.name)) continue;
        LayerFormat out{.kind = facts.kind, .level = std::nullopt};
        std::string_view rest = text.substr(facts.name.size());
        if (rest.empty()) return out;
        int level = 0;
        const auto [end, problem] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), level);
        if (rest[0] != ':' || problem != std::errc() || end != rest.data() + rest.size()) break;
        out.level = level;
        level_of(out);
        return out;
    }
    throw Error(ErrorKind::usage, concat("unknown compression ", quoted(text)))
        .hint("compressions are zstd:chunked[:LEVEL], zstd[:LEVEL], gzip[:LEVEL] and none");
}

std::string LayerFormat::to_string() const {
    std::string out(facts_of(kind).name);
    if (level) out += concat(':', *level);
    return out;
}

std::unique_ptr<LayerWriter> make_layer_writer(Sink& blob, const LayerFormat& format, TaskPool* pool) {
    if (format.kind == Kind::zstd_chunked) return std::make_unique<ChunkedLayerWriter>(blob, format, pool);
    return std::make_unique<PlainLayerWriter>(blob, format, pool);
}

}  // namespace osb::oci
