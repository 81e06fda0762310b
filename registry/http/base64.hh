// Base64 as RFC 4648, section 4, has it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace osb::registry {

std::string base64_encode(std::string_view bytes);
// Nothing for text that is not padded, canonical base64.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace osb::registry
