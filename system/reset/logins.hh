// Who could log in to a system, judged by its account files and keys.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace osb::system {

// Returns the names of the users, escaped, that can log in: with a shell, and with a password, an empty
// password, or an authorized key. `passwd` and `shadow` are the texts of the files. An account whose password
// begins with "!" is locked, for keys as well (as sshd without PAM sees it). `has_key` tells whether there is
// a key in that home directory. Pure, except for `has_key`.
std::vector<std::string> find_logins(std::string_view passwd, std::string_view shadow,
                                     const std::function<bool(const std::string& home)>& has_key);

// Returns true if one line of an authorized_keys file is a key.
bool has_authorized_key(std::string_view text);

}  // namespace osb::system
