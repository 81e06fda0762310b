// Lints an image of any transport.
#pragma once

#include "base/progress.hh"
#include "image/lint/lint.hh"
#include "oci/transports/image.hh"

namespace osb::image {

// Imports the image into a temporary repository, and lints it as the image has it, before the conversion to
// the bootable layout. If import refuses the image, this is the only finding. Nothing is left behind. Throws
// Error: digest_mismatch, not_found, io, unavailable, no_space, and the errors of lint(); Interrupted.
LintReport lint_image(const oci::Image& image, const SkippedChecks& skipped, Progress& progress);

}  // namespace osb::image
