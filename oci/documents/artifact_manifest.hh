// Manifests of artifacts, such as those that refer to an image: manifest.md, "Guidelines for Artifact Usage".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/documents/manifest.hh"

namespace osb::oci {

// A manifest, whether or not it is one of an image.
struct ArtifactManifest {
    std::string type;  // artifactType, else the media type of the config
    std::vector<Descriptor> layers;
    std::optional<Digest> subject;  // the manifest that it refers to

    // True for an image, which may also have a subject.
    bool is_image() const;

    // Parses untrusted bytes as Manifest::parse() does, but accepts any config. Throws Error: invalid;
    // unsupported; too_large.
    static ArtifactManifest parse(std::string_view raw, std::string_view media_type);
};

}  // namespace osb::oci
