#include "oci/image_source.hh"

#include "base/error.hh"

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

LayerBlob ImageSource::open_layer(const Manifest& manifest, const ImageConfig& /*config*/,
                                  std::size_t index) {
    const Descriptor& layer = manifest.layers.at(index);
    // Judged first: nothing is opened, let alone fetched, for a layer that cannot be read.
    const Compression compression = layer_compression(layer.media_type);
    return {
        .bytes = open_blob(layer), .digest = layer.digest, .size = layer.size, .compression = compression};
}

}  // namespace osb::oci
