// Whether an image is for the machine that it is to run on.
#pragma once

#include "oci/documents/platform.hh"

namespace osb::image {

// Whether a machine of the platform `machine` can run an image for `image`: the same system and architecture,
// and of two variants that are known the same. What the image does not say is taken as right.
bool runs_on(const oci::Platform& image, const oci::Platform& machine);

// Throws Error{unsupported} unless it can.
void check_platform(const oci::Platform& image, const oci::Platform& machine);

// The same, with advice for whoever makes a disk.
void check_disk_platform(const oci::Platform& image, const oci::Platform& machine);

}  // namespace osb::image
