// What an image says of itself that its commit repeats.
#pragma once

#include <cstdint>
#include <string>

#include "oci/transports/image.hh"

namespace osb::ostree {

// The image's version: label or annotation org.opencontainers.image.version, else the label version; "" for
// none. One line of at most 255 bytes, without control characters, whatever the label holds.
std::string image_version(const oci::Image& image);

// Seconds since 1970: annotation org.opencontainers.image.created, else the config's `created`, else 0. Never
// the present time, so that the same image gives the same commit.
std::uint64_t image_time(const oci::Image& image);

}  // namespace osb::ostree
