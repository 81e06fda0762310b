// An image that was resolved: its manifest and config are verified, its layers can be read.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "oci/codec/verified_source.hh"
#include "oci/documents/manifest.hh"
#include "oci/documents/platform.hh"
#include "oci/transports/image_source.hh"

namespace osb::oci {

struct Image {
    std::shared_ptr<ImageSource> source;
    Manifest manifest;
    ImageConfig config;
};

// Follows the source's root through at most 4 levels of indexes to the manifest for `platform` (nothing: the
// host's; an index with a single image is taken as it is when nothing was asked for), reads and verifies
// manifest and config. The first match in the index's order wins, an exact variant before none. Checks that
// the config has one diffID a layer and, when a platform was asked for, that the config agrees with it.
// Throws Error.
Image open_image(std::shared_ptr<ImageSource> source, const std::optional<Platform>& platform);

// The digest of the manifest that open_image() would come to; reads no more than is needed for that: nothing
// when the root says it. Throws Error as open_image().
Digest manifest_digest(ImageSource& source, const std::optional<Platform>& platform);

// The bytes of a descriptor, verified against digest and size and held in memory; at most kMaxDocument.
std::string read_document(ImageSource& source, const Descriptor& descriptor, std::string_view what);

}  // namespace osb::oci
