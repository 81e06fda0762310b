// Descriptors, manifests, indexes and configs: manifest.md, image-index.md, descriptor.md and config.md of
// the image specification 1.1, and their Docker schema 2 counterparts.
//
// The parsers accept untrusted bytes. A document has at most kMaxDocument bytes, valid UTF-8, at most 64
// levels of JSON, no duplicate keys and no trailing text. A document with `manifests` and also `layers` or
// `config` is rejected (CVE-2021-41190). All parsers throw Error{invalid}, Error{unsupported} or
// Error{too_large}.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oci/documents/digest.hh"
#include "oci/documents/media_type.hh"
#include "oci/documents/platform.hh"

namespace osb::oci {

// The maximum size of a manifest, index or config: 4 MiB. The distribution specification requires at least
// this, and containers/image allows no more.
inline constexpr std::size_t kMaxDocument = 4UL * 1024 * 1024;
// The maximum number of layers of an image. Container runtimes stop at 127 or 128.
inline constexpr std::size_t kMaxLayers = 1024;
// The maximum number of entries of an index.
inline constexpr std::size_t kMaxIndexEntries = 4096;

// A descriptor: descriptor.md.
struct Descriptor {
    std::string media_type;
    Digest digest;
    std::uint64_t size = 0;  // in bytes; at most 2^63-1
    std::map<std::string, std::string> annotations;
    std::optional<Platform> platform;
    std::string artifact_type;
    bool has_urls = false;  // foreign layer; osb-oci never uses the URLs
};

// A single image: manifest.md.
struct Manifest {
    std::string media_type;
    Digest digest;  // of `raw`
    Descriptor config;
    std::vector<Descriptor> layers;
    std::map<std::string, std::string> annotations;
    std::string raw;  // the original bytes

    // media_type: from the descriptor or the transport, "" if it is unknown; the document's own mediaType
    // must agree with it. algorithm: that of the digest. Throws Error{unsupported} "not an image" for an
    // artifact, whose config is not an image config.
    static Manifest parse(std::string raw, std::string_view media_type, HashAlgorithm algorithm);
};

// Several images with one name: image-index.md.
struct Index {
    std::string media_type;
    std::vector<Descriptor> manifests;
    std::map<std::string, std::string> annotations;

    static Index parse(std::string_view raw, std::string_view media_type);
};

// Detects the kind of a document without a media type from its members. Throws Error{invalid} if it is
// neither kind or both; Error{unsupported} for Docker schema 1.
DocumentKind sniff_document_kind(std::string_view raw);

// The configuration of an image: config.md.
struct ImageConfig {
    Platform platform;  // empty if the config omits it: images that only carry files
    std::optional<std::int64_t>
        created;  // seconds since 1970 UTC, from the RFC 3339 text; nullopt if it is missing or invalid
    std::map<std::string, std::string> labels;
    std::vector<Digest> diff_ids;
    std::string raw;

    static ImageConfig parse(std::string raw);
};

// Parses an RFC 3339 date and time to seconds since 1970 and drops fractions. Returns nullopt if the text is
// malformed or the year is not in 0 to 9999.
std::optional<std::int64_t> parse_rfc3339(std::string_view text);

}  // namespace osb::oci
