// Checks the format of credentials: hashed passwords and public keys.
#pragma once

#include <string_view>

namespace osb::image {

// Returns true if crypt(3) can have produced this text: "$ID$...$HASH", without empty parts between the "$".
// Does not verify the hash itself.
bool is_password_hash(std::string_view text);

// Returns true if the line of authorized_keys(5) may hold a key: optional options, a key type and base64, and
// an optional comment. Also true for a line that is only a comment.
bool is_authorized_key(std::string_view line);

}  // namespace osb::image
