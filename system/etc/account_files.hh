// Merges /etc/passwd and similar files by entry, so that the users of an image reach a machine that has users
// of its own. Pure functions: text in, text out.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace osb::system {

inline constexpr std::array<std::string_view, 6> kAccountFiles{"passwd",  "group",  "shadow",
                                                               "gshadow", "subuid", "subgid"};

// The texts of the existing files, by name.
using AccountFiles = std::map<std::string, std::string>;

// The result of join_accounts().
struct JoinedAccounts {
    AccountFiles files;
    std::vector<std::string> notes;  // one line for each clash, escaped
};

// Three-way merge by the name of the entry. All lines with the same name before the first colon are one
// entry.
// - An entry that the machine changed, added or removed stays as the machine has it.
// - Every other entry follows the image. New entries come last.
// - Lists of members (group, gshadow) are merged by member. A member that the machine added or removed stays
//   so.
// - Lines that are not entries stay as the machine has them. Such lines of the image are left out.
// - If an entry of the image has the number of an entry that only the machine has, the machine's entry keeps
//   it. The image's entry gets the next free number from 100 to 999.
// - If both added a name with different numbers, the machine's number wins.
// - A file that is missing on one side counts as empty. A file that the machine removed stays removed.
// `notes` reports both kinds of number clash.
JoinedAccounts join_accounts(const AccountFiles& old_default, const AccountFiles& local,
                             const AccountFiles& new_default);

}  // namespace osb::system
