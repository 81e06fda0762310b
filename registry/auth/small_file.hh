// Reading of configuration files into memory.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace osb::registry {

// Reads a regular file of at most `limit` bytes, and follows symbolic links. Returns nullopt if it does not
// exist. `permissions` (unless null) receives the mode bits. Throws Error naming the file.
std::optional<std::string> read_small_file(const std::string& path, std::size_t limit,
                                           unsigned* permissions = nullptr);

// The names of the entries of a directory, sorted; empty if it does not exist. Throws Error{io} naming it.
std::vector<std::string> list_files(const std::string& directory);

}  // namespace osb::registry
