#include "tests/support/memory_image.hh"

#include <nlohmann/json.hpp>

#include "base/error.hh"
#include "oci/documents/json.hh"
#include "oci/documents/media_type.hh"
#include "tests/support/compress.hh"

namespace osb::test {
namespace {

std::string compressed(const MemoryLayer& layer) {
    switch (layer.compression) {
        case oci::Compression::none:
            return layer.tar;
        case oci::Compression::gzip:
            return gzip(layer.tar);
        case oci::Compression::zstd:
            return zstd(layer.tar);
    }
    return layer.tar;
}

std::string_view media_type(oci::Compression compression) {
    switch (compression) {
        case oci::Compression::none:
            return oci::kMediaTypeLayer;
        case oci::Compression::gzip:
            return oci::kMediaTypeLayerGzip;
        case oci::Compression::zstd:
            return oci::kMediaTypeLayerZstd;
    }
    return oci::kMediaTypeLayer;
}

// A Source that owns its bytes.
class OwnedSource final : public Source {
  public:
    explicit OwnedSource(std::string bytes) : bytes_(std::move(bytes)), source_(as_bytes(bytes_)) {}
    std::size_t read(MutableBytes buffer) override { return source_.read(buffer); }

  private:
    std::string bytes_;
    MemorySource source_;
};

}  // namespace

MemorySourceOfImage::MemorySourceOfImage(const std::vector<MemoryLayer>& layers,
                                         const MemoryImageOptions& options) {
    const std::string machine =
        options.architecture.empty() ? oci::Platform::host().architecture : options.architecture;
    oci::Json config = {{"architecture", machine},
                        {"os", "linux"},
                        {"config", {{"Labels", options.labels}}},
                        {"rootfs", {{"type", "layers"}, {"diff_ids", oci::Json::array()}}}};
    if (!options.created.empty()) config["created"] = options.created;
    oci::Json manifest = {{"schemaVersion", 2},
                          {"mediaType", oci::kMediaTypeManifest},
                          {"layers", oci::Json::array()},
                          {"annotations", options.annotations}};
    for (const MemoryLayer& layer : layers) {
        const std::string blob = layer.blob.empty() ? compressed(layer) : layer.blob;
        const std::size_t size = blob.size();
        const std::string digest = add(blob, options.layer_digests);
        layer_digests_.push_back(digest);
        manifest["layers"].push_back(
            {{"mediaType", media_type(layer.compression)}, {"digest", digest}, {"size", size}});
        if (!layer.annotations.empty()) manifest["layers"].back()["annotations"] = layer.annotations;
        config["rootfs"]["diff_ids"].push_back(oci::Digest::of(as_bytes(layer.tar)).to_string());
    }
    const std::string config_text = config.dump();
    manifest["config"] = {{"mediaType", oci::kMediaTypeConfig},
                          {"digest", add(config_text, HashAlgorithm::sha256)},
                          {"size", config_text.size()}};
    manifest_ = manifest.dump();
}

std::string MemorySourceOfImage::add(std::string bytes, HashAlgorithm algorithm) {
    std::string digest = oci::Digest::of(as_bytes(bytes), algorithm).to_string();
    blobs_[digest] = std::move(bytes);
    return digest;
}

oci::Document MemorySourceOfImage::root() {
    return {manifest_, std::string(oci::kMediaTypeManifest), std::nullopt};
}

std::unique_ptr<Source> MemorySourceOfImage::open_blob(const oci::Descriptor& descriptor) {
    if (descriptor.media_type.find("layer") != std::string::npos) ++opened;
    return std::make_unique<OwnedSource>(blobs_.at(descriptor.digest.to_string()));
}

std::unique_ptr<Source> MemorySourceOfImage::open_range(const oci::Descriptor& descriptor,
                                                        std::uint64_t offset, std::uint64_t length) {
    const unsigned number = ranges++;
    if (number >= fail_after) throw Error(ErrorKind::unavailable, "the network is gone");
    std::string bytes = blobs_.at(descriptor.digest.to_string()).substr(offset, length);
    if (number >= good_ranges) bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    return std::make_unique<OwnedSource>(std::move(bytes));
}

MemoryImage make_image(const std::vector<MemoryLayer>& layers, const MemoryImageOptions& options) {
    auto source = std::make_shared<MemorySourceOfImage>(layers, options);
    oci::Image image = oci::open_image(source, std::nullopt);
    return {source, std::move(image)};
}

}  // namespace osb::test
