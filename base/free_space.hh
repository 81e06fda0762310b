// The room on a filesystem, as the caller may use it.
#pragma once

#include <cstdint>
#include <string>

struct statfs;

namespace osb {

// Root may also use what ext4 reserves for root (mke2fs -m), except for the blocks that ext4 keeps to itself.
// Elsewhere the kernel's word for what "others than root" may write counts for root, too: btrfs and network
// filesystems mean something else by the difference.
struct FreeSpace {
    std::uint64_t bytes = 0;
    // Files, whatever their size; kUnboundedFiles where nothing but space bounds them (btrfs).
    std::uint64_t files = 0;
};
inline constexpr std::uint64_t kUnboundedFiles = UINT64_MAX / 2;

// Of the filesystem that holds `path`, or the open file `fd` (`what` is for the message). Throws Error{io}.
FreeSpace free_space(const std::string& path);
FreeSpace free_space(int fd, const std::string& what);

// What these numbers of the kernel's mean for root, or for another user.
FreeSpace usable_space(const struct statfs& filesystem, bool is_root) noexcept;

}  // namespace osb
