// Any text as part of an ostree ref, in the escaping that ostree-ext (bootc, rpm-ostree) uses for its refs.
#pragma once

#include <string>
#include <string_view>

namespace osb::ostree {

// ASCII letters, digits and '-' stay; '_' becomes "__"; a '/' stays where it separates (after a letter or
// digit, not at the end); any other code point becomes _HEX_: "sha256:2c26" -> "sha256_3A_2c26". `text` must
// not be empty.
std::string escape_ref(std::string_view text);

}  // namespace osb::ostree
