// Free blocks of a filesystem that is being made, given out in order. Internal to this folder.
#pragma once

#include <vector>

#include "image/ext4/ext4_io.hh"
#include "image/ext4/ext4_writer.hh"

namespace osb::image {

class Ext4Blocks {
  public:
    // Borrowed.
    explicit Ext4Blocks(ext2_filsys fs) : fs_(fs), next_(fs->super->s_first_data_block) {}

    // Appends runs of `count` blocks in all to `out`, as few and as near to the last as can be. Throws
    // Error{no_space}.
    void allocate(std::uint64_t count, std::vector<Extent>& out);

  private:
    ext2_filsys fs_;
    std::uint64_t next_;
};

}  // namespace osb::image
