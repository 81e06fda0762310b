// Writes a tree in memory as dirtree and dirmeta objects.
#pragma once

#include "base/hash.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/tree/tree.hh"

namespace osb::ostree {

// The objects of a tree's root directory.
struct WrittenTree {
    Sha256 tree;  // dirtree object
    Sha256 meta;  // dirmeta object
};

// Throws Error{too_large} with the path of a directory whose dirtree object would exceed the limit of ostree.
// Writes nothing.
void check_directory_sizes(const Node& directory);

// Writes `directory` and all directories below it. Throws Error with the path of the failed directory as
// context.
WrittenTree write_tree(ObjectWriter& writer, const Node& directory);

}  // namespace osb::ostree
