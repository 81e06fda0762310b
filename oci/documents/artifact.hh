// Manifests of artifacts: manifest.md of the image specification 1.1, "Guidelines for Artifact Usage".
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/documents/manifest.hh"

namespace osb::oci {

// The content of the config of an artifact that has none (kMediaTypeEmpty).
inline constexpr std::string_view kEmptyConfig = "{}";

// A manifest that is not that of an image.
struct Artifact {
    std::string type;                   // artifactType, or the media type of the config
    std::vector<Descriptor> layers;     // at most kMaxLayers for artifacts that are read
    std::optional<Descriptor> subject;  // the manifest that it belongs to
    std::map<std::string, std::string> annotations;

    // The parser accepts untrusted bytes, and throws as those in manifest.hh.
    static Artifact parse(std::string_view raw, std::string_view media_type);
    // The same fields give the same bytes. The config is kEmptyConfig.
    std::string write() const;
};

}  // namespace osb::oci
