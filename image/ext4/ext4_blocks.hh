// Allocates the free blocks of a new filesystem in ascending order. Internal to this folder.
#pragma once

#include <vector>

#include "image/ext4/ext4_io.hh"
#include "image/ext4/ext4_writer.hh"

namespace osb::image {

class Ext4Blocks {
  public:
    // Borrows `fs`.
    explicit Ext4Blocks(ext2_filsys fs) : fs_(fs), next_(fs->super->s_first_data_block) {}

    // Allocates `count` blocks and appends them to `out` as runs: as few as possible, and as near as possible
    // to the previous one. Throws Error{no_space}.
    void allocate(std::uint64_t count, std::vector<Extent>& out);

  private:
    ext2_filsys fs_;
    std::uint64_t next_;
};

}  // namespace osb::image
