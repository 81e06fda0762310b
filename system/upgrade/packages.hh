// The packages of a system, and the difference between two systems.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// Maps names to versions.
using Packages = std::map<std::string, std::string, std::less<>>;

// The paths of apk's database, in an image and in a deployment.
inline constexpr std::string_view kApkDatabases[] = {"usr/lib/apk/db/installed", "lib/apk/db/installed"};
inline constexpr std::size_t kMaxApkDatabase = 64UL * 1024 * 1024;

// Returns the packages of a deployment; nothing if it has no supported database.
std::optional<Packages> packages_of(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);

// As packages_of(), for a commit that is complete in the repository.
std::optional<Packages> packages_of_commit(const ostree::Repository& repository,
                                           const ostree::CommitId& commit);

// The change of one package.
struct PackageChange {
    std::string name;
    std::string before;  // version; "" for a new package
    std::string after;   // version; "" for a removed package
};

// Returns the changes, sorted by name.
std::vector<PackageChange> package_changes(const Packages& before, const Packages& after);

}  // namespace osb::system
