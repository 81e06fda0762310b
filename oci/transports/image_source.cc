#include "oci/transports/image_source.hh"

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::oci {

std::unique_ptr<Source> ImageSource::open_range(const Descriptor& descriptor, std::uint64_t offset,
                                                std::uint64_t /*length*/) {
    std::unique_ptr<Source> out = open_blob(descriptor);
    if (out->skip(offset) != offset) {
        throw Error(ErrorKind::digest_mismatch, concat("blob ", descriptor.digest.to_string(),
                                                       " is shorter than ", descriptor.size, " bytes"));
    }
    return out;
}

std::string read_range(ImageSource& source, const Descriptor& descriptor, std::uint64_t offset,
                       std::uint64_t length) {
    const std::unique_ptr<Source> range = source.open_range(descriptor, offset, length);
    std::string out(static_cast<std::size_t>(length), '\0');
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): char aliases
    const MutableBytes buffer(reinterpret_cast<std::uint8_t*>(out.data()), out.size());
    if (read_full(*range, buffer) != out.size()) {
        throw Error(ErrorKind::digest_mismatch, "the layer is shorter than its descriptor declares");
    }
    return out;
}

std::vector<Descriptor> ImageSource::referrers(const Digest& /*manifest*/,
                                               const std::string& /*artifact_type*/) {
    return {};
}

LayerBlob ImageSource::open_layer(const Manifest& manifest, const ImageConfig& /*config*/,
                                  std::size_t index) {
    const Descriptor& layer = manifest.layers.at(index);
    // Check this first, so that nothing is opened or fetched for an unsupported layer.
    const Compression compression = layer_compression(layer.media_type);
    const auto open = [&]() -> std::unique_ptr<Source> {
        try {
            return open_blob(layer);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::not_found || !is_foreign_layer(layer.media_type)) throw;
            throw Error(ErrorKind::unsupported,
                        concat("foreign layer: media type ", quoted(layer.media_type)))
                .hint("its content is not part of the image, and URLs in a manifest are never followed");
        }
    };
    return {.bytes = open(), .digest = layer.digest, .size = layer.size, .compression = compression};
}

}  // namespace osb::oci
