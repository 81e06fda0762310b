// JSON text made piece by piece, for documents too large to be built in memory first. Same input, same bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hh"

namespace osb::oci {

// Appends `text`, valid UTF-8, as a JSON string (RFC 8259, section 7): quotes, backslashes and control
// characters escaped, nothing else.
void append_json_string(std::string& out, std::string_view text);

// Base64 with padding: RFC 4648, section 4.
void append_base64(std::string& out, ByteView bytes);
// Nothing for text that is not exactly that.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace osb::oci
