// The reasons why settings of bootc-image-builder are refused. Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hh"

namespace osb::image {

// Returns Error{unsupported} for a setting, with a hint if the setting is part of a blueprint. `setting` is
// its name with those of its tables, as in "customizations.installer"; the caller escapes it.
Error unsupported_setting(const std::string& setting);

// Returns the reason for a setting of a blueprint that is refused. "" for any other name.
std::string_view unsupported_reason(std::string_view setting);

}  // namespace osb::image
