#include "ostree/export/previous_frames.hh"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.hh"
#include "base/interrupt.hh"
#include "base/log.hh"
#include "oci/chunked/chunker.hh"
#include "oci/chunked/toc_visitor.hh"
#include "oci/tar/zeros.hh"
#include "ostree/import/encapsulated_objects.hh"
#include "ostree/import/encapsulated_paths.hh"

namespace osb::ostree {
namespace {

// Objects follow each other with frames of headers between them, so the next one is usually in the window.
constexpr std::uint64_t kWindow = 256UL * 1024;
// More than a frame of the largest chunk can need.
constexpr std::uint64_t kMaxFrame = 2 * oci::Chunker::kMaxChunk;

// The checksum of the object at `path`; nullopt if it is not a content object.
std::optional<Sha256> object_at(const std::string& path) {
    if (!path.starts_with(kImageObjects)) return std::nullopt;
    const ImageObjectName name = parse_object_path(path);
    if (name.suffix != "file") return std::nullopt;
    return parse_sha256(name.checksum);
}

// Chunks that a writer of this program makes, which are read whole.
bool has_usual_chunks(const oci::TocEntry& entry) {
    return entry.digest &&
           std::all_of(entry.chunks.begin(), entry.chunks.end(), [](const oci::TocChunk& chunk) {
               return chunk.zeros ||
                      (chunk.size <= oci::Chunker::kMaxChunk && chunk.end_offset - chunk.offset <= kMaxFrame);
           });
}

void write_zeros(oci::TarWriter& tar, Hasher& hasher, std::uint64_t count) {
    while (count > 0) {
        check_interrupt();
        const auto bytes =
            ByteView(oci::kZeros)
                .first(static_cast<std::size_t>(std::min<std::uint64_t>(count, oci::kZeros.size())));
        hasher.update(bytes);
        tar.write(bytes);
        count -= bytes.size();
    }
}

}  // namespace

PreviousFrames::PreviousFrames(const oci::Image& image, Blobs recorded)
    : image_(image), recorded_(std::move(recorded)) {}

const PreviousObject* PreviousFrames::find(const Sha256& checksum) {
    if (disabled_) return nullptr;
    std::call_once(loaded_, [this] { load(); });
    const auto found = objects_.find(checksum);
    return found == objects_.end() ? nullptr : &found->second;
}

void PreviousFrames::load() {
    for (std::size_t i = 0; i < image_.manifest.layers.size(); ++i) {
        const oci::Descriptor& layer = image_.manifest.layers[i];
        const auto recorded = recorded_.find(layer.digest.to_string());
        if (recorded == recorded_.end() || recorded->second.size != layer.size) continue;
        try {
            load_layer(i, recorded->second);
        } catch (const Error& error) {
            log_warning(
                concat("layer ", i + 1, " of the previous image is compressed again: ", error.message()));
        }
    }
    recorded_.clear();
}

void PreviousFrames::load_layer(std::size_t index, const oci::Descriptor& recorded) {
    const std::optional<oci::TocLocation> location = oci::find_toc(recorded);
    if (!location) return;
    const std::string bytes =
        oci::read_range(*image_.source, recorded, location->toc.offset, location->toc.size);
    oci::visit_toc(as_bytes(bytes), *location, [&](oci::TocEntry entry) {
        if (entry.chunks.empty() || !has_usual_chunks(entry)) return;
        const std::optional<Sha256> checksum = object_at(entry.tar.path);
        if (!checksum) return;
        objects_.try_emplace(
            *checksum, PreviousObject{.layer = index,
                                      .size = entry.tar.size,
                                      .file = {.digest = *entry.digest, .chunks = std::move(entry.chunks)}});
    });
}

PreviousReader::PreviousReader(PreviousFrames& frames, oci::ReadyFrames& target)
    : frames_(frames), target_(target), content_(oci::Chunker::kMaxChunk) {}

PreviousReader::~PreviousReader() = default;

// Returns the compressed bytes, valid until the next call.
ByteView PreviousReader::frame(std::size_t layer, const oci::TocChunk& chunk) {
    const std::uint64_t length = chunk.end_offset - chunk.offset;
    const bool is_there = window_.layer == layer && chunk.offset >= window_.offset &&
                          chunk.end_offset <= window_.offset + window_.bytes.size();
    if (!is_there) {
        const oci::Descriptor& blob = frames_.image().manifest.layers[layer];
        const std::uint64_t wanted = std::min(std::max(length, kWindow), blob.size - chunk.offset);
        window_.bytes.clear();
        window_.bytes = oci::read_range(*frames_.image().source, blob, chunk.offset, wanted);
        window_.layer = layer;
        window_.offset = chunk.offset;
    }
    return as_bytes(window_.bytes)
        .subspan(static_cast<std::size_t>(chunk.offset - window_.offset), static_cast<std::size_t>(length));
}

// Returns the content of the chunk, and its frame.
ByteView PreviousReader::decoded(std::size_t layer, const oci::TocChunk& chunk, ByteView& compressed) {
    try {
        compressed = frame(layer, chunk);
        const MutableBytes content = MutableBytes(content_).first(static_cast<std::size_t>(chunk.size));
        decoder_.read(compressed, content);
        return content;
    } catch (const Error& error) {
        throw UnusableFrames(error.message());
    }
}

void PreviousReader::write(const PreviousObject& object, const ContentObject& header, const Sha256& checksum,
                           oci::TarWriter& tar) {
    Hasher hasher = begin_object_checksum(header);
    for (const oci::TocChunk& chunk : object.file.chunks) {
        check_interrupt();
        if (chunk.zeros) {
            write_zeros(tar, hasher, chunk.size);
            continue;
        }
        ByteView compressed;
        const ByteView content = decoded(object.layer, chunk, compressed);
        hasher.update(content);
        target_.add_ready(compressed);
        tar.write(content);
    }
    if (hasher.finish_sha256() != checksum)
        throw UnusableFrames(concat("it does not hold the object ", to_hex(checksum)));
}

}  // namespace osb::ostree
