// The architectures of trees that are joined: programs of different ones do not run in one system.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "oci/documents/platform.hh"
#include "ostree/union/apk_records.hh"

namespace osb::ostree {

// Compares each tree with those before it. Not thread-safe.
class ArchitectureCheck {
  public:
    // `platform`: of the image or commit; nullopt if it does not say. `packages`: those in the tree; records
    // without an architecture, and those with "noarch", fit everywhere. Throws Error{invalid} if the machine
    // of the platform, or an architecture of a package, differs from that of all earlier trees.
    void add(const std::string& name, const std::optional<oci::Platform>& platform,
             const std::vector<ApkPackage>& packages);

  private:
    std::string platform_name_;  // the first tree that has a platform
    std::string machine_;        // "" for none yet
    std::string packages_name_;  // the first tree that has packages
    std::set<std::string> architectures_;
};

}  // namespace osb::ostree
