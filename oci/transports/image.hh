// A resolved image: its manifest and config are verified, and its layers can be read.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "oci/codec/verified_source.hh"
#include "oci/documents/manifest.hh"
#include "oci/documents/platform.hh"
#include "oci/transports/image_limits.hh"
#include "oci/transports/image_source.hh"

namespace osb::oci {

// An image with its source. The source is shared with the readers of its layers.
struct Image {
    std::shared_ptr<ImageSource> source;
    Manifest manifest;
    ImageConfig config;
    ImageLimits limits;  // for what is made of the image; open_image() leaves the defaults
};

// Resolves an image and verifies its manifest and config. Follows at most 4 levels of indexes from the root
// of the source to the manifest for `platform`. nullopt selects the platform of the host, and accepts an
// index with a single image as it is. The first match in the order of the index wins; an exact variant
// precedes an entry without a variant. The config must have one diffID per layer, and must agree with an
// explicit platform. Throws Error.
Image open_image(std::shared_ptr<ImageSource> source, const std::optional<Platform>& platform);

// The digest of the manifest that open_image() would select. Reads only the documents that it needs, and none
// if the root has the digest. Throws Error as open_image() does.
Digest manifest_digest(ImageSource& source, const std::optional<Platform>& platform);

// Reads a document of at most kMaxDocument bytes into memory, and verifies its digest and size.
std::string read_document(ImageSource& source, const Descriptor& descriptor, std::string_view what);

}  // namespace osb::oci
