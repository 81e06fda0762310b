#include "image/ext4/ext4_blocks.hh"

#include <algorithm>

#include "base/error.hh"

namespace osb::image {

void Ext4Blocks::allocate(std::uint64_t count, std::vector<Extent>& out) {
    constexpr std::uint64_t kMaxRun = 32768;  // blocks in one extent: EXT_INIT_MAX_LEN
    const std::uint64_t last = ext2fs_blocks_count(fs_->super) - 1;
    std::uint64_t file_block = 0;
    while (count > 0) {
        blk64_t start = 0;
        if (next_ > last || ext2fs_find_first_zero_block_bitmap2(fs_->block_map, next_, last, &start) != 0) {
            throw Error(ErrorKind::no_space, "the filesystem is full");
        }
        const std::uint64_t end = std::min<std::uint64_t>(last, start + std::min(count, kMaxRun) - 1);
        blk64_t used = 0;
        // No used block in the range: take all up to `end`.
        const bool blocked =
            ext2fs_find_first_set_block_bitmap2(fs_->block_map, start, end, &used) == 0 && used <= end;
        const std::uint64_t blocks = (blocked ? used : end + 1) - start;
        ext2fs_block_alloc_stats_range(fs_, start, static_cast<blk_t>(blocks), +1);
        out.push_back({file_block, start, blocks});
        file_block += blocks;
        count -= blocks;
        next_ = start + blocks;
    }
}

}  // namespace osb::image
