// Paths of a deployed system that a factory reset carries over (--keep).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace osb::system {

// The directories that a deployed system consists of, on the disk.
struct SystemPlaces {
    std::string root;  // the deployment, with usr and etc
    std::string var;   // the stateroot's /var
};

enum class KeptTree { etc, var };

// A path below /etc or /var without symbolic links in its directories.
struct KeptPath {
    KeptTree tree = KeptTree::var;
    std::string below;  // relative to the tree: "lib/app"

    // The path in the running system: "/var/lib/app".
    std::string text() const;
    // True if `other` is this path or lies below it.
    bool covers(const KeptPath& other) const;
    bool operator==(const KeptPath&) const = default;
};

// Resolves the directories of an absolute path as the running system does, and also its last part if that is
// a link outside of /etc and /var (/home, /root, ...). Returns the path without leading slash; it need not
// exist. Throws Error{invalid} for a path with too many links.
std::string resolve_system_path(const SystemPlaces& places, std::string_view path);

// Returns the place on the disk of a path from resolve_system_path().
std::string place_of(const SystemPlaces& places, const std::string& resolved);

// Checks and resolves the paths of --keep. Leaves out a path below another one. Throws Error{usage} for a
// path that is not absolute, or that is not below /etc or /var; Error{not_found} for one that does not exist.
std::vector<KeptPath> resolve_kept_paths(const SystemPlaces& places, const std::vector<std::string>& paths);

// Returns true if one of the paths is this path or lies above it.
bool is_kept(const std::vector<KeptPath>& kept, const KeptPath& path);

}  // namespace osb::system
