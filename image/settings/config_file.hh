// Parses the file of --config: TOML or JSON, in the format of bootc-image-builder and osbuild (their table
// "customizations").
#pragma once

#include <string>
#include <string_view>

#include "image/settings/customizations.hh"

namespace osb::image {

// Parses the text of a configuration file: a blueprint of bootc-image-builder, or a table with one as its
// only entry, `blueprint`. `name` appears in error messages; if it ends in ".json", the text is JSON,
// otherwise TOML. Throws Error{invalid} for malformed text, a value of the wrong type, and a value that
// cannot be applied. Throws Error{unsupported} for an unknown setting, because the user would notice an
// ignored one too late; the hint is the reason if the setting is one of a blueprint
// (unsupported_settings.hh).
Customizations parse_config(std::string_view text, const std::string& name);

// Reads and parses a file of at most 1 MiB.
Customizations read_config(const std::string& path);

}  // namespace osb::image
