#include "oci/transports/oci_archive_sink.hh"

#include <utility>

#include "base/bytes.hh"
#include "oci/transports/archive_writer.hh"
#include "oci/transports/blob_files.hh"
#include "oci/transports/layout_sink.hh"

namespace osb::oci {
namespace {

class ArchiveSink final : public ImageSink {
  public:
    ArchiveSink(const std::string& file, std::string tag) : archive_(file), tag_(std::move(tag)) {
        archive_.add_text("oci-layout", kLayoutMarker);
        archive_.add_directory("blobs");
        archive_.add_directory("blobs/sha256");
    }

    bool has_blob(const Descriptor& descriptor) override {
        return archive_.contains(blob_path(descriptor.digest));
    }

    std::unique_ptr<BlobUpload> start_blob(std::optional<std::uint64_t> /*size*/) override {
        return archive_.start_blob(&blob_path);
    }

    void put_manifest(const std::string& raw, std::string_view media_type) override {
        archive_.add_text(blob_path(Digest::of(as_bytes(raw))), raw);
        archive_.add_text("index.json", index_with_image("", raw, media_type, tag_));
        archive_.finish();
    }

  private:
    ArchiveWriter archive_;
    std::string tag_;
};

}  // namespace

std::unique_ptr<ImageSink> create_oci_archive_sink(const std::string& file, const std::string& tag) {
    return std::make_unique<ArchiveSink>(file, tag);
}

}  // namespace osb::oci
