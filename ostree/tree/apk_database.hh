// The Alpine packages of a tree and the owners of its files, from apk's database in the tree (apk-tools,
// "installed database": lines P:NAME, V:VERSION, F:DIRECTORY, R:FILE; an empty line ends a package).
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace osb::ostree {

// The path in a tree whose /bin, /sbin and /lib are links into /usr: "usr/lib/x" for "lib/x". Other paths,
// also those in etc, stay as they are.
std::string merged_path(std::string path);

// The owner of each path, both as in the database and as in import's bootable layout: "lib/x" is also
// "usr/lib/x", "etc/x" is also "usr/etc/x". Ignores unknown lines, so a file without a known owner has none.
// Throws Error{too_large} for more than 1,000,000 files.
std::map<std::string, std::string, std::less<>> package_owners(std::string_view installed);

// The version of each package. Throws Error{too_large} for more than 100,000.
std::map<std::string, std::string, std::less<>> package_versions(std::string_view installed);

}  // namespace osb::ostree
