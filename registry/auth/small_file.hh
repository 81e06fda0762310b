// Configuration files, read whole.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace osb::registry {

// The content of a regular file (a symbolic link to one, too) of at most `limit` bytes; nothing when it does
// not exist. permissions, when given, gets its mode bits. Throws Error naming it.
std::optional<std::string> read_small_file(const std::string& path, std::size_t limit,
                                           unsigned* permissions = nullptr);

// The names of what lies in a directory, sorted; empty when it does not exist. Throws Error{io} naming it.
std::vector<std::string> list_files(const std::string& directory);

}  // namespace osb::registry
