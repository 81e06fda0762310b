// The value of --limits and $OSB_LIMITS.
#pragma once

#include <string_view>

#include "oci/transports/image_limits.hh"

namespace osb::cli {

// Parses "NAME=VALUE,...": entries, memory, unpacked, ratio and steps. Sizes are as parse_size() takes them.
// Limits that are not named keep their defaults; "" names none. Messages call the text `origin`. Throws
// Error{usage} for an unknown or repeated name and for a value that is not a positive number.
oci::ImageLimits parse_image_limits(std::string_view origin, std::string_view text);

}  // namespace osb::cli
