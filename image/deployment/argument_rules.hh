// Kernel arguments that a person or an image chooses: how they are read, and which are not theirs to set.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace osb::image {

// The words of a command line: blanks divide them, except inside double quotes, which stay as they are.
// Throws Error{usage} for quotes that are not closed, for control characters and for what is not UTF-8.
std::vector<std::string> split_kernel_arguments(std::string_view text);

// "root" of "root=/dev/sda"; all of a word without "=". A quotation mark before it does not belong to it.
std::string_view argument_name(std::string_view word);

// Whether one of the texts, each of which is one argument or several, gives a value to that name.
bool sets_argument(const std::vector<std::string>& texts, std::string_view name);

// Whether the argument of this name is set for each boot entry, by libostree (ostree), the menu (osb.trial)
// or the bootloader (initrd: a second one would be loaded in place of the deployment's own).
bool is_set_for_entry(std::string_view name);

// Whether it is set for each disk (root, boot), or for each boot entry.
bool is_set_for_disk(std::string_view name);

}  // namespace osb::image
