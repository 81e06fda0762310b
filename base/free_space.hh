// The free space of a filesystem that the calling user can use.
#pragma once

#include <cstdint>
#include <string>

struct statfs;

namespace osb {

// Free space for one user. On ext4, root can also use the blocks that are reserved for root (mke2fs -m),
// except those that the kernel keeps for itself. On other filesystems f_bavail applies to root as well,
// because btrfs and network filesystems give the difference between f_bfree and f_bavail another meaning.
struct FreeSpace {
    std::uint64_t bytes = 0;
    // The number of files that can be created; kUnboundedFiles if only space limits it (btrfs).
    std::uint64_t files = 0;
};
inline constexpr std::uint64_t kUnboundedFiles = UINT64_MAX / 2;

// The free space of the filesystem that holds `path` or the open file `fd`. Error messages name `what`.
// Throws Error{io}.
FreeSpace free_space(const std::string& path);
FreeSpace free_space(int fd, const std::string& what);

// Computes the usable space for root or for another user from the numbers of statfs(2).
FreeSpace usable_space(const struct statfs& filesystem, bool is_root) noexcept;

}  // namespace osb
