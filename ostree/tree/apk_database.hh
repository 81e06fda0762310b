// Which Alpine packages a tree has, and which owns which file, from apk's database in it (apk-tools,
// "installed database": lines P:NAME, V:VERSION, F:DIRECTORY, R:FILE; packages end with an empty line).
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace osb::ostree {

// The owner of each path, as the database has it and as import's bootable layout places it: "lib/x" is
// "usr/lib/x" too, "etc/x" is "usr/etc/x". Lines that are not understood are passed over: what is not known
// to have an owner has none. Throws Error{too_large} for more than 1,000,000 files.
std::map<std::string, std::string, std::less<>> package_owners(std::string_view installed);

// The version of each package. Throws Error{too_large} for more than 100,000.
std::map<std::string, std::string, std::less<>> package_versions(std::string_view installed);

}  // namespace osb::ostree
