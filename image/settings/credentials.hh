// What opens an account: hashed passwords and public keys, as their files have them.
#pragma once

#include <string_view>

namespace osb::image {

// Whether crypt(3) can have made this: "$ID$...$HASH", with nothing empty between the "$". The hash itself is
// not checked.
bool is_password_hash(std::string_view text);

// Whether it is a line of authorized_keys(5) that may hold a key: the name of a type and base64, after
// options or not, before a comment or not; or a comment alone.
bool is_authorized_key(std::string_view line);

}  // namespace osb::image
