// A commit's detached metadata: signatures, for the most part.
#pragma once

#include <string>
#include <string_view>

namespace osb::ostree {

// Which value counts where both have one, and not lists that can be joined.
enum class Preferred { present, added };

// What a repository that holds `present` is to hold after `added` came: every key of both; of lists of byte
// strings, which signatures are, the elements of both; of other values the preferred one. All are serialised
// a{sv}, "" for none; the result is `present`, byte for byte, when nothing is added to it. Throws
// Error{invalid} for malformed metadata that are added, too_large for more than libostree reads; malformed
// ones that are present are replaced.
std::string join_detached_metadata(std::string_view present, std::string_view added, Preferred preferred);

}  // namespace osb::ostree
