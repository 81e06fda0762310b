// Small files that keep a state. They are replaced as a whole, so that after a power cut the old content is
// there, or the new one; and they are read with a bound.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/fd.hh"

namespace osb {

// Opens the directory `path`, made if need be below one that exists, for all to read whatever the umask is.
// Its name is durable. Throws Error{io, no_space}.
Fd open_state_directory(const std::string& path);

// Writes `text` to `name` in the open directory, durably and in one step; all may read it. `temporary` is the
// name that is used meanwhile, ".NAME.new" when it is empty: several that may write at once need one each.
// Throws Error{io, no_space}.
void replace_file(int directory, const std::string& name, std::string_view text, std::string temporary = {});

// Removes it, durably; one that does not exist is well, too. Throws Error{io}.
void remove_file(int directory, const std::string& name);

// The content of a regular file, no symbolic link, of at most `limit` bytes. Throws Error{not_found, io,
// invalid, too_large} naming it.
std::string read_regular_file(int directory, const std::string& path, std::size_t limit);

}  // namespace osb
