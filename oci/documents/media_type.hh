// The media types of the image specification (media-types.md) and of Docker's image manifest version 2,
// schema 2.
#pragma once

#include <string>
#include <string_view>

namespace osb::oci {

inline constexpr std::string_view kMediaTypeIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kMediaTypeManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kMediaTypeConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kMediaTypeEmpty = "application/vnd.oci.empty.v1+json";
inline constexpr std::string_view kMediaTypeLayer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kMediaTypeLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kMediaTypeLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view kMediaTypeDockerManifestList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kMediaTypeDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kMediaTypeDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kMediaTypeDockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view kMediaTypeDockerLayerGzip =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr std::string_view kMediaTypeDockerLayerZstd =
    "application/vnd.docker.image.rootfs.diff.tar.zstd";

enum class DocumentKind { index, manifest };
enum class Compression { none, gzip, zstd };

// Removes parameters and surrounding space, and converts to lower case: RFC 2045 defines media types as
// case-insensitive.
std::string media_type_essence(std::string_view media_type);

// True for a type that servers send if they do not know the type, such as application/octet-stream.
bool is_generic_media_type(std::string_view media_type);

// Throws Error{unsupported} for Docker schema 1.
[[noreturn]] void throw_docker_schema1();

// The kind of document that a media type names. Ignores parameters after ';'. Throws Error{unsupported} with
// a reason and a hint for Docker schema 1 and unknown types.
DocumentKind document_kind(std::string_view media_type);

// True for the types of foreign (non-distributable) layers, whose blobs may be missing in an image.
bool is_foreign_layer(std::string_view media_type);

// The compression that the media type of a layer declares; none for application/octet-stream. The blob may
// have another one; see find_compression() in decompress.hh. Throws Error{unsupported} for encrypted layers
// and unknown types.
Compression layer_compression(std::string_view media_type);

}  // namespace osb::oci
