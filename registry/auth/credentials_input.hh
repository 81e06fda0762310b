// Credentials that are given for one call in a way that no other user of the machine can see.
#pragma once

#include <string>

#include "base/fd.hh"
#include "registry/auth/credentials.hh"

namespace osb::registry {

// The longest of what is read, in bytes.
inline constexpr std::size_t kMaxPassword = 64UL * 1024;

// "USER:PASSWORD" in a file, which may be a pipe; line ends after it are passed over. Warns of a file that
// other users may read. Throws Error: not_found, io, too_large; usage, without repeating the text, for what
// is none.
Credentials read_credentials_file(const std::string& path);

// The password of `user`: all that comes from `input`, less line ends after it. Throws Error as above.
Credentials read_password(const std::string& user, Fd input);

}  // namespace osb::registry
