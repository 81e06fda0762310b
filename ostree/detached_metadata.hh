// A commit's detached metadata: signatures, for the most part.
#pragma once

#include <string>
#include <string_view>

namespace osb::ostree {

// What a repository that holds `theirs` is to hold after `ours` came: every key of both; of lists of byte
// strings, which signatures are, the elements of both; of other values ours. All are serialised a{sv}, "" for
// none; the result is `theirs`, byte for byte, when ours adds nothing to it. Throws Error{invalid} for
// malformed metadata of ours; malformed ones of theirs are replaced.
std::string merge_detached_metadata(std::string_view theirs, std::string_view ours);

}  // namespace osb::ostree
