// Separates overlapping ranges of /etc/subuid and /etc/subgid. Pure.
#pragma once

#include <string>
#include <vector>

#include "system/etc/account_table.hh"

namespace osb::system {

// Moves each range in `entries`, which come from the image, that overlaps a range of the machine (`local`)
// under a name that the image (`now`) lacks. The new place is the next free one behind all ranges; without a
// free place, the range is removed. `taken` are the tables whose ranges are not free. Returns one line,
// escaped, for each such range.
std::vector<std::string> separate_ranges(const std::string& file, std::vector<AccountEntry*> entries,
                                         const AccountTable& local, const AccountTable& now,
                                         const std::vector<const AccountTable*>& taken);

}  // namespace osb::system
