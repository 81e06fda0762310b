// apk's databases in a tree: reading them from, and writing them to, the objects of a repository.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ostree/objects/object_writer.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/image_budget.hh"
#include "ostree/tree/tree.hh"
#include "ostree/union/apk_records.hh"

namespace osb::ostree {

// The databases of one tree.
struct ApkDatabase {
    std::vector<ApkPackage> packages;
    std::string directory;  // where the tree has them: "lib/apk/db" or "usr/lib/apk/db"; "" for none
    std::optional<std::string> world;  // the content of etc/apk/world
    std::set<std::string> files;       // the paths of all these files in the tree, without symbolic links
};

// Reads the databases of a tree, which may have none. Throws Error{invalid} for a malformed one,
// Error{too_large} above the limits of apk_records.hh; with the path as context.
ApkDatabase read_apk_database(const Repository& repository, Node& root, ImageBudget& budget);

// Writes the databases into the tree. A file that exists keeps its owner, mode and attributes. scripts.tar
// replaces scripts.tar.gz.
void write_apk_database(const Repository& repository, ObjectWriter& writer, Node& root,
                        const ApkDatabase& database, ImageBudget& budget);

}  // namespace osb::ostree
