// Rules for kernel arguments from a user or an image: how they are parsed, and which ones are reserved.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace osb::image {

// Splits a command line into words. Blanks separate words, except inside double quotes, which are kept.
// Throws Error{usage} for unclosed quotes, control characters, and text that is not UTF-8.
std::vector<std::string> split_kernel_arguments(std::string_view text);

// Returns "root" for "root=/dev/sda", and the whole word if it has no "=". A quotation mark before the name
// is not part of it.
std::string_view argument_name(std::string_view word);

// Returns true if one of the texts sets the argument `name`. Each text is one argument or several.
bool sets_argument(const std::vector<std::string>& texts, std::string_view name);

// Returns true if the argument is set per boot entry: by libostree (ostree), the menu (osb.trial) or the
// bootloader (initrd). A second initrd= would be loaded in place of the deployment's own.
bool is_set_for_entry(std::string_view name);

// Returns true if the argument is set per disk (root, boot) or per boot entry.
bool is_set_for_disk(std::string_view name);

}  // namespace osb::image
