// Kernel command lines, as in boot entries and images.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace osb::ostree {

// Splits at blanks, tabs and line ends. As in the kernel, quotation marks keep blanks together and stay in
// the word, but a line end always splits. Performs no checks.
std::vector<std::string> split_kernel_options(std::string_view text);

// True if the kernel reads this word as "--", after which all options are for init. The kernel removes
// quotation marks around a word. It uses the blanks of Latin-1, including the byte A0, which occurs inside of
// letters in UTF-8.
bool ends_kernel_options(std::string_view word);

}  // namespace osb::ostree
