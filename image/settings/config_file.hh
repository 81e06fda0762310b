// The file that --config names: TOML or JSON, in the form that users of bootc-image-builder and osbuild know
// (its table "customizations").
#pragma once

#include <string>
#include <string_view>

#include "image/settings/customizations.hh"

namespace osb::image {

// `name` is for messages, and its end ".json" says that the text is JSON; else it is TOML. Throws Error:
// invalid for text that is malformed, a value of the wrong kind or one that cannot be obeyed; unsupported for
// a setting that is not known here, because one that is passed over in silence would be missed too late.
Customizations parse_config(std::string_view text, const std::string& name);

// The same for a file, of 1 MiB at the most.
Customizations read_config(const std::string& path);

}  // namespace osb::image
