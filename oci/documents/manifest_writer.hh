// Writing of manifests and configs. The same fields give the same bytes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oci/documents/digest.hh"
#include "oci/documents/manifest.hh"
#include "oci/documents/platform.hh"

namespace osb::oci {

// One entry of a config's history: config.md, "history".
struct HistoryEntry {
    std::optional<std::int64_t> created;  // seconds since 1970 UTC
    std::string created_by;
    std::string comment;
    bool empty_layer = false;
};

// The members of a config to write: config.md. Members without a value are omitted.
struct ConfigFields {
    Platform platform;                    // os and architecture are required
    std::optional<std::int64_t> created;  // seconds since 1970 UTC
    std::vector<std::string> entrypoint;
    std::vector<std::string> cmd;
    std::vector<std::string> environment;  // "NAME=VALUE"
    std::string working_directory;
    std::string user;
    std::map<std::string, std::string> labels;
    std::vector<Digest> diff_ids;
    std::vector<HistoryEntry> history;
};

// Throws Error{internal} if os or architecture is missing, Error{invalid} for a string that is not UTF-8,
// Error{too_large} above kMaxDocument.
std::string write_config(const ConfigFields& fields);

// Writes an image manifest of the image specification 1.0 and 1.1. Throws as write_config().
std::string write_manifest(const Descriptor& config, const std::vector<Descriptor>& layers,
                           const std::map<std::string, std::string>& annotations);

// Writes the manifest of an artifact of the image specification 1.1. Throws as write_config().
std::string write_artifact_manifest(const std::string& artifact_type, const Descriptor& config,
                                    const std::vector<Descriptor>& layers,
                                    const std::optional<Descriptor>& subject,
                                    const std::map<std::string, std::string>& annotations);

// Makes the descriptor of a document: media type, sha256 digest and size.
Descriptor describe(std::string_view media_type, const std::string& document);

// Formats RFC 3339 in UTC: "1970-01-01T00:00:00Z". Throws Error{invalid} for years outside 0 to 9999.
std::string format_rfc3339(std::int64_t seconds);

}  // namespace osb::oci
