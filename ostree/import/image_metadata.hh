// Metadata of an image that its commit repeats.
#pragma once

#include <cstdint>
#include <string>

#include "oci/transports/image.hh"

namespace osb::ostree {

// The image's version: label or annotation org.opencontainers.image.version, otherwise the label version; ""
// for none. The result is one line of at most 255 bytes, without control characters, whatever the label
// contains.
std::string image_version(const oci::Image& image);

// The time of the image in seconds since 1970: annotation org.opencontainers.image.created, otherwise the
// config's `created`, otherwise 0. It is never the current time, so that the same image gives the same
// commit.
std::uint64_t image_time(const oci::Image& image);

}  // namespace osb::ostree
