// Base64 (RFC 4648, section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hh"

namespace osb {

// Encodes with padding.
std::string encode_base64(ByteView bytes);
std::string encode_base64(std::string_view bytes);
void append_base64(std::string& out, ByteView bytes);

// Decodes canonical Base64 only: returns nullopt for text that encode_base64() would not produce.
std::optional<std::string> decode_base64(std::string_view text);

// Decodes as libarchive does: padding may be missing, and unused bits of the last digit are ignored. Returns
// nullopt for any other malformed text.
std::optional<std::string> decode_unpadded_base64(std::string_view text);

}  // namespace osb
