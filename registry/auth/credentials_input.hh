// Input of credentials for one call, without exposing them to other users of the machine.
#pragma once

#include <string>

#include "base/fd.hh"
#include "registry/auth/credentials.hh"

namespace osb::registry {

// The maximum size of the input in bytes.
inline constexpr std::size_t kMaxPassword = 64UL * 1024;

// Reads "USER:PASSWORD" from a file or pipe, and ignores line ends after it. Warns if other users may read
// the file. Throws Error: not_found, io, too_large; usage, without the text, if it is malformed.
Credentials read_credentials_file(const std::string& path);

// Reads the password of `user` from `input` to its end, and ignores line ends after it. Throws as
// read_credentials_file().
Credentials read_password(const std::string& user, Fd input);

}  // namespace osb::registry
