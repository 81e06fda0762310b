// Words of a POSIX shell.
#pragma once

#include <string>
#include <string_view>

namespace osb {

// Quotes `text` as a single word for a POSIX shell. Control bytes stay as they are.
std::string shell_quoted(std::string_view text);

}  // namespace osb
