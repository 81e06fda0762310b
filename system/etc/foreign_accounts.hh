// Names that mean two accounts: a user of the machine, and another one of a new image. The machine's must not
// get what the image's has. Pure.
#pragma once

#include <set>
#include <string>

#include "system/etc/account_files.hh"

namespace osb::system {

// Users whom the machine has and the new image adds; and people of the machine (numbers from 1000) whose
// number is not the one of that name in the old image.
std::set<std::string> find_foreign(const AccountFiles& old_default, const AccountFiles& local,
                                   const AccountFiles& new_default);

// The image's files without what it has for these users: their lines are the machine's, and no membership is
// there that the machine has not. Other lines are as they were.
AccountFiles without_foreign(const AccountFiles& image, const AccountFiles& local,
                             const std::set<std::string>& foreign);

}  // namespace osb::system
