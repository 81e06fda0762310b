// Base64 as RFC 4648, section 4, has it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hh"

namespace osb {

// With padding.
std::string encode_base64(ByteView bytes);
std::string encode_base64(std::string_view bytes);
void append_base64(std::string& out, ByteView bytes);

// Nothing for text that encode_base64() does not make: each value has one text.
std::optional<std::string> decode_base64(std::string_view text);

// As libarchive reads it: padding may be missing, and the bits that belong to no byte have any value.
std::optional<std::string> decode_unpadded_base64(std::string_view text);

}  // namespace osb
