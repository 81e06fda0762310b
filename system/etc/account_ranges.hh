// Ranges of /etc/subuid and /etc/subgid that must not overlap. Pure.
#pragma once

#include <string>
#include <vector>

#include "system/etc/account_table.hh"

namespace osb::system {

// Moves ranges in `entries`, which come from the image, that overlap one of the machine's (`local`) under a
// name that the image (`now`) lacks: to the next free place behind all ranges, or out where there is none.
// `taken` are the tables whose ranges are not free. Returns one line about each, escaped.
std::vector<std::string> separate_ranges(const std::string& file, std::vector<AccountEntry*> entries,
                                         const AccountTable& local, const AccountTable& now,
                                         const std::vector<const AccountTable*>& taken);

}  // namespace osb::system
