// A kernel command line, as boot entries and images have it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace osb::ostree {

// The words between blanks, tabs and line ends. Quotation marks keep blanks together and stay in the word, as
// the kernel reads them; a line ends all the same. Nothing is checked.
std::vector<std::string> split_kernel_options(std::string_view text);

// Whether the kernel takes this word for "--", at which it stops: all that follows is for init, and
// means nothing to the kernel. It removes quotation marks around a word, and its blanks are those of Latin-1:
// the byte A0, which UTF-8 has inside of letters, is one.
bool ends_kernel_options(std::string_view word);

}  // namespace osb::ostree
