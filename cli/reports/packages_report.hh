// Changes of packages, for people and for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/output/json_output.hh"
#include "ostree/tree/packages.hh"

namespace osb::cli {

using PackageChanges = std::optional<std::vector<ostree::PackageChange>>;

// "packages: 1 added, 0 removed, 2 changed" and one line for each change; or that they are the same, or
// unknown for the reason `unknown`. Each line starts with `indent`. External text is escaped.
std::string describe_packages(const PackageChanges& changes, const std::string& unknown,
                              const std::string& indent = "");

// The object "packages" of docs/json.md, "diff"; null if they are not known.
OrderedJson packages_to_json(const PackageChanges& changes);

}  // namespace osb::cli
