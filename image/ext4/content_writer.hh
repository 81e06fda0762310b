// The contents of a filesystem's files, written to where it has its place for them, by several threads.
#pragma once

#include "base/progress.hh"
#include "image/disk/disk_area.hh"
#include "image/ext4/ext4_writer.hh"
#include "image/ext4/file_tree.hh"
#include "ostree/objects/repository.hh"

namespace osb::image {

// Writes what each file of `tree` holds to the extents that `filesystem` gave it, in the order in which they
// lie on the disk. Objects are read from `repository` and checked against their checksums. `jobs`: threads;
// 0: one a core. Reports bytes. Throws Error, with the object named.
void write_contents(const DiskArea& area, const FileTree& tree, const Ext4Writer& filesystem,
                    const ostree::Repository& repository, unsigned jobs, Progress& progress);

}  // namespace osb::image
