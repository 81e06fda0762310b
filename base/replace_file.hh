// Files that are replaced as a whole: after a power cut the old content is there, or the new one.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace osb {

// Writes `text` to `name` in the open directory, durably and in one step. A name beside it (".NAME.new") is
// used meanwhile. Throws Error{io, no_space}.
void replace_file(int directory, const std::string& name, std::string_view text, mode_t mode = 0644);

}  // namespace osb
