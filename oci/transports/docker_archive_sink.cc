#include "oci/transports/docker_archive_sink.hh"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "oci/documents/manifest.hh"
#include "oci/documents/reference.hh"
#include "oci/transports/archive_writer.hh"
#include "oci/transports/blob_files.hh"

namespace osb::oci {
namespace {

// Readers look up the members by manifest.json. So configs and layers have the paths of a layout, because
// their roles are only known when the manifest arrives.
class DockerArchiveSink final : public ImageSink {
  public:
    template<typename Target>
    DockerArchiveSink(Target& target, const std::string& tag)
        : name_(tag.empty() ? "" : full_image_name(tag)), archive_(target) {}

    bool has_blob(const Descriptor& descriptor) override {
        return archive_.contains(blob_path(descriptor.digest));
    }

    std::unique_ptr<BlobUpload> start_blob(std::optional<std::uint64_t> /*size*/) override {
        return archive_.start_blob(&blob_path);
    }

    void put_manifest(const std::string& raw, std::string_view media_type) override {
        const Manifest manifest = Manifest::parse(raw, media_type, HashAlgorithm::sha256);
        nlohmann::ordered_json image;
        image["Config"] = blob_path(manifest.config.digest);
        image["RepoTags"] = nlohmann::ordered_json::array();
        if (!name_.empty()) image["RepoTags"].push_back(name_);
        image["Layers"] = nlohmann::ordered_json::array();
        for (const Descriptor& layer : manifest.layers) {
            if (layer_compression(layer.media_type) == Compression::zstd) {
                throw Error(ErrorKind::unsupported, concat("layer ", layer.digest.short_string(),
                                                           ": docker does not read layers in zstd"))
                    .hint("use --compression gzip or none");
            }
            image["Layers"].push_back(blob_path(layer.digest));
        }
        archive_.add_text("manifest.json", nlohmann::ordered_json::array({std::move(image)}).dump());
        archive_.finish();
    }

  private:
    std::string name_;
    ArchiveWriter archive_;
};

}  // namespace

std::unique_ptr<ImageSink> create_docker_archive_sink(const std::string& file, const std::string& tag) {
    return std::make_unique<DockerArchiveSink>(file, tag);
}

std::unique_ptr<ImageSink> create_docker_archive_sink(Sink& sink, const std::string& tag) {
    return std::make_unique<DockerArchiveSink>(sink, tag);
}

}  // namespace osb::oci
