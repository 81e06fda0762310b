// A static delta as an artifact in a registry: its manifest names the image as its subject, the two commits
// in annotations, and as its layers the superblock and the parts (docs/formats/delta-artifact.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "oci/documents/artifact.hh"
#include "oci/transports/image_source.hh"
#include "ostree/objects/commit_id.hh"

namespace osb::ostree {

inline constexpr std::string_view kDeltaArtifactType = "application/vnd.osb-oci.ostree.static-delta.v1";
inline constexpr std::string_view kDeltaSuperblockType =
    "application/vnd.osb-oci.ostree.static-delta.superblock.v1";
inline constexpr std::string_view kDeltaPartType = "application/vnd.osb-oci.ostree.static-delta.part.v1";

// The facts about a delta that its annotations state. They are those of whoever pushed it.
struct DeltaFacts {
    CommitId from;
    CommitId to;
    std::uint64_t size = 0;           // of all its blobs, in bytes
    std::uint64_t objects_size = 0;   // of what it makes, as fetched from the image without it; 0: unknown
    std::uint64_t unpacked_size = 0;  // of the files that it makes; 0: unknown
};

// Reads the annotations of a manifest, or of its descriptor in a list of referrers. Throws Error{invalid}.
DeltaFacts parse_delta_facts(const std::map<std::string, std::string>& annotations);

struct DeltaArtifact {
    DeltaFacts facts;
    oci::Descriptor superblock;
    std::vector<oci::Descriptor> parts;
};

// Throws Error: invalid for an artifact of another kind, or whose blobs have another size than it states;
// too_large above the limits of a delta.
DeltaArtifact parse_delta_artifact(const oci::Artifact& artifact);

// Reads the delta that `entry` lists as a referrer of the manifest `image`. Throws Error: not_found if the
// manifest is gone; invalid if it refers to another image, or is between other commits than the entry names;
// otherwise as parse_delta_artifact() and the source.
DeltaArtifact read_delta_artifact(oci::ImageSource& source, const oci::Descriptor& entry,
                                  const oci::Digest& image);

// The artifact for an image. The facts' size is computed. Throws Error{too_large} for more parts than readers
// accept.
oci::Artifact make_delta_artifact(const DeltaArtifact& delta, const oci::Descriptor& image);

}  // namespace osb::ostree
