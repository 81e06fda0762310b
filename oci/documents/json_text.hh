// JSON text made piece by piece, for documents too large to be built in memory first. Same input, same bytes.
#pragma once

#include <string>
#include <string_view>

namespace osb::oci {

// Appends `text`, valid UTF-8, as a JSON string (RFC 8259, section 7): quotes, backslashes and control
// characters escaped, nothing else.
void append_json_string(std::string& out, std::string_view text);

}  // namespace osb::oci
