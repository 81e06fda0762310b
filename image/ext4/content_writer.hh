// Writes file contents to the blocks that a filesystem allocated for them, in several threads.
#pragma once

#include "base/progress.hh"
#include "image/disk/disk_area.hh"
#include "image/ext4/ext4_writer.hh"
#include "image/ext4/file_tree.hh"
#include "ostree/objects/repository.hh"

namespace osb::image {

// Writes the content of each file of `tree` to the extents that `filesystem` allocated, in the order of their
// position on the disk. Reads objects from `repository` and verifies their checksums. `jobs` is the number of
// threads; 0 means one per core. Reports progress in bytes. Throws Error that names the object.
void write_contents(const DiskArea& area, const FileTree& tree, const Ext4Writer& filesystem,
                    const ostree::Repository& repository, unsigned jobs, Progress& progress);

}  // namespace osb::image
