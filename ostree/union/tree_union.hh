// Joins package trees in memory: files, owners and packages. docs/union.md has the rules.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ostree/tree/image_budget.hh"
#include "ostree/tree/tree.hh"
#include "ostree/union/apk_database_files.hh"

namespace osb::ostree {

// Two trees have different content at one path, and no package may replace the other's.
struct UnionConflict {
    std::string path;
    std::string tree;             // the later tree, whose content is in the result
    std::string package;          // that owns the path in it; "" for none
    std::string earlier_package;  // that owned the path before; "" for none
};

// A package whose record came from a later tree.
struct UnionPackage {
    std::string name;
    std::string version;
    std::string earlier_version;  // "" if no earlier tree had the package
};

// What the union did.
struct UnionReport {
    std::vector<UnionConflict> conflicts;  // at most kMaxConflicts
    std::size_t conflict_count = 0;
    std::vector<UnionPackage> packages;  // added and replaced ones, in the order of the trees
    std::size_t files_removed = 0;       // of replaced packages
};
inline constexpr std::size_t kMaxConflicts = 10'000;

// A tree with its databases.
struct PackageTree {
    std::string name;  // for messages
    Node root;
    ApkDatabase database;
};

// Adds `later` to `tree`. The databases are joined in memory; write_apk_database() writes them. Throws
// Error{invalid} if a link or file of `later` would replace a directory with content; and as `budget`.
void join_trees(PackageTree& tree, PackageTree& later, UnionReport& report, ImageBudget& budget);

}  // namespace osb::ostree
