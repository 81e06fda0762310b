// The packages of systems, and how two of them differ.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// Name -> version.
using Packages = std::map<std::string, std::string, std::less<>>;

// Where apk keeps its database, in an image and in a deployment.
inline constexpr std::string_view kApkDatabases[] = {"usr/lib/apk/db/installed", "lib/apk/db/installed"};
inline constexpr std::size_t kMaxApkDatabase = 64UL * 1024 * 1024;

// Those of a deployment; nothing when it has no database that is known here.
std::optional<Packages> packages_of(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);

// The same of a commit that is in the repository as a whole.
std::optional<Packages> packages_of_commit(const ostree::Repository& repository,
                                           const ostree::CommitId& commit);

struct PackageChange {
    std::string name;
    std::string before;  // version; "" for a package that is new
    std::string after;   // "" for one that is gone
};

// Sorted by name.
std::vector<PackageChange> package_changes(const Packages& before, const Packages& after);

}  // namespace osb::system
