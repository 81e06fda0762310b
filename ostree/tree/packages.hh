// The Alpine packages of a commit, and the difference between two systems.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// Maps names to versions.
using Packages = std::map<std::string, std::string, std::less<>>;

// The paths of apk's database, in an image and in a deployment. The first one that exists counts.
inline constexpr std::string_view kApkDatabases[] = {"usr/lib/apk/db/installed", "lib/apk/db/installed"};
inline constexpr std::size_t kMaxApkDatabase = 64UL * 1024 * 1024;

// Returns the packages of a commit; nothing if its tree has no database. Reads only the database and the
// dirtrees above it. Throws Error as find_file() and open_object(); too_large above kMaxApkDatabase.
std::optional<Packages> packages_of_commit(const Repository& repository, const CommitId& commit);

// The change of one package.
struct PackageChange {
    std::string name;
    std::string before;  // version; "" for a new package
    std::string after;   // version; "" for a removed package
};

// Returns the changes, sorted by name.
std::vector<PackageChange> package_changes(const Packages& before, const Packages& after);

}  // namespace osb::ostree
