// The frames of an earlier image's layers, so that an object which they hold is not compressed again.
//
// Only layers that this repository recorded are used (ostree/export/layer_record.hh): the same program made
// them in the same format, so their frames are those that it would make now. Nothing that is read is
// believed: the table of contents must have the recorded digest, and each object its checksum.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hash.hh"
#include "oci/chunked/ready_frames.hh"
#include "oci/codec/zstd_frames.hh"
#include "oci/tar/tar_writer.hh"
#include "oci/transports/image.hh"
#include "ostree/objects/object_reader.hh"

namespace osb::ostree {

// The earlier layer does not hold what its table says. What was written of the new layer is unusable.
class UnusableFrames final : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// An object in an earlier layer.
struct PreviousObject {
    std::size_t layer = 0;   // index in the earlier image
    std::uint64_t size = 0;  // bytes of content, at least 1
    oci::ReadyFile file;
};

// The objects of all usable layers. Thread-safe.
class PreviousFrames {
  public:
    // Blobs by digest, as layer_record.hh has them.
    using Blobs = std::map<std::string, oci::Descriptor>;

    // The image is borrowed. Its tables are read by the first find().
    PreviousFrames(const oci::Image& image, Blobs recorded);

    // The object, or nullptr. The result lives as long as this.
    const PreviousObject* find(const Sha256& checksum);
    // Makes find() return nullptr from now on.
    void disable() noexcept { disabled_ = true; }

    const oci::Image& image() const noexcept { return image_; }

  private:
    void load();
    void load_layer(std::size_t index, const oci::Descriptor& recorded);

    const oci::Image& image_;
    Blobs recorded_;
    std::once_flag loaded_;
    std::atomic<bool> disabled_{false};
    std::unordered_map<Sha256, PreviousObject, Sha256Hash> objects_;
};

// Copies objects from the earlier image into one layer. Not thread-safe.
class PreviousReader {
  public:
    // All are borrowed.
    PreviousReader(PreviousFrames& frames, oci::ReadyFrames& target);
    PreviousReader(const PreviousReader&) = delete;
    PreviousReader& operator=(const PreviousReader&) = delete;
    ~PreviousReader();

    PreviousFrames& frames() const noexcept { return frames_; }

    // Writes the frames and the content of the object after TarWriter::begin() of its entry. `header` is the
    // object without its content. Call begin() before TarWriter::begin(). Throws UnusableFrames.
    void begin(const PreviousObject& object) { target_.begin_ready(object.file); }
    void write(const PreviousObject& object, const ContentObject& header, const Sha256& checksum,
               oci::TarWriter& tar);

  private:
    // A part of a blob in memory.
    struct Window {
        std::size_t layer = 0;
        std::uint64_t offset = 0;
        std::string bytes;
    };
    ByteView frame(std::size_t layer, const oci::TocChunk& chunk);
    ByteView decoded(std::size_t layer, const oci::TocChunk& chunk, ByteView& frame);

    PreviousFrames& frames_;
    oci::ReadyFrames& target_;
    oci::ZstdFrameReader decoder_;
    Window window_;
    std::vector<std::uint8_t> content_;
};

}  // namespace osb::ostree
