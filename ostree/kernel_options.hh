// A kernel command line, as boot entries and images have it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace osb::ostree {

// The words between blanks, tabs and line ends. Quotation marks keep blanks together and stay in the word, as
// the kernel reads them; a line ends all the same. Nothing is checked.
std::vector<std::string> split_kernel_options(std::string_view text);

}  // namespace osb::ostree
