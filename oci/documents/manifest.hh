// Descriptors, manifests, indexes and configs: manifest.md, image-index.md, descriptor.md and config.md of
// the image specification 1.1, and their Docker schema 2 counterparts.
//
// The parsers take bytes from outside: at most kMaxDocument of them, JSON nested at most 64 deep, no
// duplicate keys, no trailing text, valid UTF-8; a document that has both `manifests` and `layers` or
// `config` is refused (CVE-2021-41190). They throw Error{invalid}, Error{unsupported} or Error{too_large}.
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

// The largest manifest, index or config that is read: 4 MiB, as the distribution specification asks at least
// and containers/image allows at most.
inline constexpr std::size_t kMaxDocument = 4UL * 1024 * 1024;
// The most layers an image may have. Container runtimes stop at 127 or 128.
inline constexpr std::size_t kMaxLayers = 1024;
// The most entries of an index.
inline constexpr std::size_t kMaxIndexEntries = 4096;

struct Descriptor {
    std::string media_type;
    Digest digest;
    std::uint64_t size = 0;  // bytes; at most 2^63-1
    std::map<std::string, std::string> annotations;
    std::optional<Platform> platform;
    std::string artifact_type;
    bool has_urls = false;  // foreign layer; the URLs are never followed
};

// One image: manifest.md.
struct Manifest {
    std::string media_type;
    Digest digest;  // of `raw`
    Descriptor config;
    std::vector<Descriptor> layers;
    std::map<std::string, std::string> annotations;
    std::string raw;  // the very bytes

    // media_type: what the descriptor, the transport or nothing ("") says; the document's own mediaType must
    // agree. digest: the one that the bytes are known to have. Refuses artifacts, whose config is not an
    // image's, with Error{unsupported} "not an image".
    static Manifest parse(std::string raw, std::string_view media_type, HashAlgorithm algorithm);
};

// Several images under one name: image-index.md.
struct Index {
    std::string media_type;
    std::vector<Descriptor> manifests;
    std::map<std::string, std::string> annotations;

    static Index parse(std::string_view raw, std::string_view media_type);
};

// What an unlabelled document is, told from its members. Throws Error{invalid} when it is neither or both;
// Error{unsupported} for Docker schema 1.
DocumentKind sniff_document_kind(std::string_view raw);

// The image's configuration: config.md.
struct ImageConfig {
    Platform platform;  // empty where the config says nothing: images that are nothing but files
    std::optional<std::int64_t>
        created;  // seconds since 1970 UTC, from the RFC 3339 text; absent or invalid: none
    std::map<std::string, std::string> labels;
    std::vector<Digest> diff_ids;
    std::string raw;

    static ImageConfig parse(std::string raw);
};

// Seconds since 1970 of an RFC 3339 date and time (fractions are dropped); nothing when it is malformed or
// outside the years 0 to 9999.
std::optional<std::int64_t> parse_rfc3339(std::string_view text);

}  // namespace osb::oci
