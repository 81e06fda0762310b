// Checks that an image matches the machine that it is to run on.
#pragma once

#include "oci/documents/platform.hh"

namespace osb::image {

// Returns true if a machine of the platform `machine` can run an image for `image`. Operating system and
// architecture must be equal, and the variants if both are known. A field that the image does not set matches
// any machine.
bool runs_on(const oci::Platform& image, const oci::Platform& machine);

// Throws Error{unsupported} unless runs_on() is true.
void check_platform(const oci::Platform& image, const oci::Platform& machine);

// As check_platform(), with advice for a user who creates a disk.
void check_disk_platform(const oci::Platform& image, const oci::Platform& machine);

}  // namespace osb::image
