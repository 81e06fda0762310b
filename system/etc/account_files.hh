// /etc/passwd and its like, joined by entry, so that users whom an image adds reach a machine with users of
// its own. Pure: texts in, texts out.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace osb::system {

inline constexpr std::array<std::string_view, 6> kAccountFiles{"passwd",  "group",  "shadow",
                                                               "gshadow", "subuid", "subgid"};

// The texts of those that exist, by name.
using AccountFiles = std::map<std::string, std::string>;

struct JoinedAccounts {
    AccountFiles files;
    std::vector<std::string> notes;  // one line about each clash, escaped
};

// Three ways, by the name of the entry (all lines with one name in front of the first colon are one entry):
// - An entry that the machine changed, added or removed stays as the machine has it.
// - Every other one follows the image. New ones come last.
// - Lists of members (group, gshadow) are joined by member: what the machine added or removed stays so.
// - Lines that are not entries stay where the machine has them; those of the image are left out.
// Where an entry of the image has the number of another entry that only the machine has, the machine's keeps
// it, and the image's gets the next free number from 100 to 999. Where both added a name with different
// numbers, the machine's counts. `notes` has both. A file that one of the three lacks counts as empty, except
// that a file which the machine removed stays removed.
JoinedAccounts join_accounts(const AccountFiles& old_default, const AccountFiles& local,
                             const AccountFiles& new_default);

}  // namespace osb::system
