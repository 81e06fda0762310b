#include "oci/documents/media_type.hh"

#include <algorithm>
#include <array>
#include <string>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::oci {
namespace {

constexpr std::string_view kDockerSchema1 = "application/vnd.docker.distribution.manifest.v1+json";
constexpr std::string_view kDockerSchema1Signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";

struct LayerType {
    std::string_view media_type;
    Compression compression;
};

constexpr std::array<LayerType, 11> kLayerTypes{{
    {.media_type = kMediaTypeLayer, .compression = Compression::none},
    {.media_type = kMediaTypeLayerGzip, .compression = Compression::gzip},
    {.media_type = kMediaTypeLayerZstd, .compression = Compression::zstd},
    {.media_type = kMediaTypeDockerLayer, .compression = Compression::none},
    {.media_type = kMediaTypeDockerLayerGzip, .compression = Compression::gzip},
    {.media_type = kMediaTypeDockerLayerZstd, .compression = Compression::zstd},
    {.media_type = "application/vnd.oci.image.layer.nondistributable.v1.tar",
     .compression = Compression::none},
    {.media_type = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
     .compression = Compression::gzip},
    {.media_type = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
     .compression = Compression::zstd},
    {.media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar", .compression = Compression::none},
    {.media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
     .compression = Compression::gzip},
}};

}  // namespace

std::string media_type_essence(std::string_view media_type) {
    media_type = media_type.substr(0, media_type.find(';'));
    constexpr std::string_view kSpace = " \t";
    const std::size_t begin = media_type.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return {};
    media_type = media_type.substr(begin, media_type.find_last_not_of(kSpace) - begin + 1);
    std::string out(media_type);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

bool is_foreign_layer(std::string_view media_type) {
    const std::string essence = media_type_essence(media_type);
    return essence.starts_with("application/vnd.docker.image.rootfs.foreign.diff.") ||
           essence.starts_with("application/vnd.oci.image.layer.nondistributable.");
}

bool is_generic_media_type(std::string_view media_type) {
    constexpr std::array<std::string_view, 4> kGeneric{"application/json", "text/plain",
                                                       "application/octet-stream", "binary/octet-stream"};
    return std::find(kGeneric.begin(), kGeneric.end(), media_type_essence(media_type)) != kGeneric.end();
}

DocumentKind document_kind(std::string_view media_type) {
    const std::string essence = media_type_essence(media_type);
    if (essence == kMediaTypeIndex || essence == kMediaTypeDockerManifestList) return DocumentKind::index;
    if (essence == kMediaTypeManifest || essence == kMediaTypeDockerManifest) return DocumentKind::manifest;
    if (essence == kDockerSchema1 || essence == kDockerSchema1Signed) throw_docker_schema1();
    throw Error(ErrorKind::unsupported, concat("not an image: unknown media type ", quoted(media_type)))
        .hint("OCI and Docker schema 2 manifests and indexes can be read");
}

void throw_docker_schema1() {
    throw Error(ErrorKind::unsupported, "Docker schema 1 manifests are not supported")
        .hint("push the image again with a current docker, podman or skopeo");
}

Compression layer_compression(std::string_view media_type) {
    const std::string essence = media_type_essence(media_type);
    for (const LayerType& type : kLayerTypes) {
        if (essence == type.media_type) return type.compression;
    }
    if (essence.ends_with("+encrypted")) {
        throw Error(ErrorKind::unsupported, concat("encrypted layer: media type ", quoted(media_type)))
            .hint("decrypt the image first, e.g. with skopeo copy --decryption-key");
    }
    // Old registries and some builders write them. The first bytes of the blob tell its compression, and the
    // diffID whether it is the layer.
    if (is_generic_media_type(essence) && essence != "application/json" && essence != "text/plain")
        return Compression::none;
    throw Error(ErrorKind::unsupported, concat("unknown media type of a layer: ", quoted(media_type)));
}

}  // namespace osb::oci
