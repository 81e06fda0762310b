// Incremental writing of JSON text, for documents that are too large to build in memory first. The same input
// gives the same bytes.
#pragma once

#include <string>
#include <string_view>

namespace osb::oci {

// Appends `text`, which must be valid UTF-8, as a JSON string (RFC 8259, section 7). Escapes only quotes,
// backslashes and control characters.
void append_json_string(std::string& out, std::string_view text);

}  // namespace osb::oci
