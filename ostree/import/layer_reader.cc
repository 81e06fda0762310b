#include "ostree/import/layer_reader.hh"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/hash.hh"
#include "base/interrupt.hh"
#include "oci/codec/decompress.hh"
#include "oci/codec/verified_source.hh"
#include "oci/tar/tar_reader.hh"
#include "ostree/import/layer_builder.hh"

namespace osb::ostree {
namespace {

// Reports the bytes that are read of the blob.
class ProgressSource final : public Source {
  public:
    ProgressSource(std::unique_ptr<Source> inner, Progress& progress)
        : inner_(std::move(inner)), progress_(progress) {}
    std::size_t read(MutableBytes buffer) override {
        const std::size_t n = inner_->read(buffer);
        progress_.advance(n);
        return n;
    }

  private:
    std::unique_ptr<Source> inner_;
    Progress& progress_;
};

// The uncompressed layer. It is hashed for the diffID, and its size is limited.
class DiffIdSource final : public Source {
  public:
    // stored: the bytes of the blob that were read so far.
    DiffIdSource(Source& inner, std::function<std::uint64_t()> stored, HashAlgorithm algorithm,
                 LayerMeter& meter)
        : inner_(inner), stored_(std::move(stored)), hasher_(algorithm), meter_(meter) {}

    std::size_t read(MutableBytes buffer) override {
        const std::size_t n = inner_.read(buffer);
        hasher_.update(ByteView(buffer).first(n));
        count_ += n;
        meter_.unpacked(n, stored_());
        return n;
    }

    std::uint64_t bytes_read() const noexcept { return count_; }

    // Call it at the end of the stream, once.
    void check(const oci::Digest& expected) {
        const oci::Digest actual = oci::Digest::from_hex(expected.algorithm(), hasher_.finish_hex());
        if (actual == expected) return;
        throw Error(ErrorKind::digest_mismatch,
                    concat("unpacks to ", actual.to_string(), ", but the image's config declares ",
                           expected.to_string()));
    }

  private:
    Source& inner_;
    const std::function<std::uint64_t()> stored_;
    Hasher hasher_;
    LayerMeter& meter_;
    std::uint64_t count_ = 0;
};

// A small file in memory.
struct FileContent {
    std::unique_ptr<std::uint8_t[]> bytes;
    std::size_t size = 0;
};

// Stores the content of a file in memory.
class ContentTask final : public Task {
  public:
    ContentTask(ObjectWriter& writer, std::shared_ptr<Layer> layer, LayerEntry& entry, XattrBytes xattrs,
                FileContent content, FileDigest* digest)
        : writer_(writer),
          layer_(std::move(layer)),
          entry_(entry),
          xattrs_(std::move(xattrs)),
          content_(std::move(content)),
          digest_(digest) {}
    void run() override {
        const FileMeta meta = file_meta(entry_, S_IFREG, xattrs_);
        const ByteView content(content_.bytes.get(), content_.size);
        entry_.checksum = with_context([this] { return concat("entry ", quoted(entry_.path)); },
                                       [&] { return writer_.write_file(meta, {}, content); });
        if (digest_ != nullptr) digest_->digest = sha256(content);
    }

  private:
    ObjectWriter& writer_;
    std::shared_ptr<Layer> layer_;  // keeps entry_ alive if the layer fails before this runs
    LayerEntry& entry_;
    XattrBytes xattrs_;
    FileContent content_;
    FileDigest* digest_;  // of the layer; nullptr if it is not wanted
};

class LayerReader final : public LayerBuilder {
  public:
    LayerReader(const std::shared_ptr<Layer>& layer, LayerArchive archive, const LayerContext& context,
                FileDigests digests)
        : LayerBuilder(layer, context.writer, context.budget),
          tar_(archive.tar),
          meter_(archive.meter),
          context_(context),
          digests_(digests) {}

    void read_all() {
        oci::TarEntry entry;
        while (tar_.next(entry)) {
            check_interrupt();
            take(entry);
        }
        finish(tar_.drain());
    }

  private:
    void take_content(const oci::TarEntry& entry, LayerEntry& out, XattrBytes xattrs) override {
        meter_.holes(entry.holes);
        FileDigest* const digest = digest_for(entry, out);
        if (entry.size > FileStream::kPiece) {
            stream_file(out, file_meta(out, S_IFREG, xattrs), entry.size, digest);
            return;
        }
        const auto size = static_cast<std::size_t>(entry.size);
        auto content = std::make_unique_for_overwrite<std::uint8_t[]>(size + 1);
        fill({content.get(), size});
        const std::size_t held = size + xattrs.size() + kTaskOverhead;
        context_.pool.submit(std::make_unique<ContentTask>(context_.writer, layer(), out, std::move(xattrs),
                                                           FileContent{std::move(content), size}, digest),
                             held);
    }

    // The place for the digest of the file's content; nullptr if it is not wanted.
    FileDigest* digest_for(const oci::TarEntry& entry, const LayerEntry& out) {
        if (digests_ == FileDigests::omitted || entry.size == 0) return nullptr;
        context_.budget.keep(sizeof(FileDigest));
        return &layer()->digests().emplace_back(FileDigest{.digest = {}, .size = entry.size, .entry = &out});
    }

    void stream_file(LayerEntry& out, const FileMeta& meta, std::uint64_t size, FileDigest* digest) {
        FileStream stream(context_.writer, context_.pool, meta, size);
        Hasher hasher;
        while (size > 0) {
            check_interrupt();
            const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(size, FileStream::kPiece));
            auto piece = std::make_unique_for_overwrite<std::uint8_t[]>(length);
            fill({piece.get(), length});
            if (digest != nullptr) hasher.update(ByteView(piece.get(), length));
            stream.write(std::move(piece), length);
            size -= length;
        }
        out.checksum = stream.finish();
        if (digest != nullptr) digest->digest = hasher.finish_sha256();
    }

    void fill(MutableBytes buffer) {
        while (!buffer.empty()) {
            const std::size_t n = tar_.read(buffer);
            if (n == 0) throw Error(ErrorKind::invalid, "the layer ends in the middle of a file");
            buffer = buffer.subspan(n);
        }
    }

    static constexpr std::size_t kTaskOverhead = 512;

    oci::TarReader& tar_;
    LayerMeter& meter_;
    const LayerContext& context_;
    const FileDigests digests_;
};

}  // namespace

std::uint64_t decode_layer(oci::LayerBlob blob, const oci::Digest& diff_id, const LayerContext& context,
                           const std::function<void(LayerArchive)>& read) {
    oci::VerifiedSource verified(std::make_unique<ProgressSource>(std::move(blob.bytes), context.progress),
                                 blob.digest, blob.size);
    const std::unique_ptr<Source> plain = oci::decompress_layer(verified, blob.compression);
    LayerMeter meter(context.budget);
    // If the transport decompresses the blob, its size is all that is known.
    const auto stored = [&blob, &verified] { return blob.packed_size.value_or(verified.bytes_read()); };
    DiffIdSource diff(*plain, stored, diff_id.algorithm(), meter);
    oci::TarReader tar(diff);
    try {
        read({tar, meter});
    } catch (const Error& error) {
        // A damaged blob explains a malformed archive better, so check the blob first.
        if (error.kind() == ErrorKind::invalid) verified.finish();
        throw;
    }
    verified.finish();
    diff.check(diff_id);
    return diff.bytes_read();
}

std::uint64_t decode_archive(Source& archive, const oci::Digest& diff_id, std::uint64_t packed_size,
                             ImageBudget& budget, const std::function<void(LayerArchive)>& read) {
    LayerMeter meter(budget);
    DiffIdSource diff(
        archive, [packed_size] { return packed_size; }, diff_id.algorithm(), meter);
    oci::TarReader tar(diff);
    read({tar, meter});
    diff.check(diff_id);
    return diff.bytes_read();
}

std::shared_ptr<Layer> read_layer(oci::LayerBlob blob, const oci::Digest& diff_id,
                                  const LayerContext& context, FileDigests digests) {
    auto layer = std::make_shared<Layer>(diff_id);
    layer->blob = blob.digest;
    layer->uncompressed_size = decode_layer(std::move(blob), diff_id, context, [&](LayerArchive archive) {
        LayerReader(layer, archive, context, digests).read_all();
    });
    return layer;
}

}  // namespace osb::ostree
