// Small files that store a state. Writes are atomic: after a power cut, a file has either its old or its new
// content. Reads have a size limit.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/fd.hh"

namespace osb {

// Opens the directory `path`, and creates it if it is missing; its parent must exist. All users can read it,
// whatever the umask. The new name is durable. Throws Error{io, no_space}; not_found if the parent is
// missing.
Fd open_state_directory(const std::string& path);

// Writes `text` to `name` in the open directory, atomically and durably. All users can read the file.
// `temporary` is the name of the intermediate file, ".NAME.new" if it is empty. Concurrent writers need
// different temporary names. Throws Error{io, no_space}.
void replace_file(int directory, const std::string& name, std::string_view text, std::string temporary = {});

// Removes a file durably. Idempotent: a missing file is not an error. Throws Error{io}.
void remove_file(int directory, const std::string& name);

// Reads a regular file of at most `limit` bytes; does not follow a symbolic link. Throws Error{not_found, io,
// invalid, too_large} naming the file.
std::string read_regular_file(int directory, const std::string& path, std::size_t limit);

}  // namespace osb
