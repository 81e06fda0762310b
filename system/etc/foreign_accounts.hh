// Detects names that denote two accounts: a user of the machine and another one of a new image. The machine's
// user must not get the rights of the image's user. Pure.
#pragma once

#include <set>
#include <string>

#include "system/etc/account_files.hh"

namespace osb::system {

// Returns the names of users that both the machine and the new image have, and that the old image lacks. For
// people (numbers from 1000 on the machine), also names that the old image has with another number.
std::set<std::string> find_foreign(const AccountFiles& old_default, const AccountFiles& local,
                                   const AccountFiles& new_default);

// Returns the image's files without its data for these users: their lines are the machine's, and they get no
// membership that they lack on the machine. Other lines are unchanged.
AccountFiles without_foreign(const AccountFiles& image, const AccountFiles& local,
                             const std::set<std::string>& foreign);

}  // namespace osb::system
