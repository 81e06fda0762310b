#include "base/free_space.hh"

#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb {
namespace {

FreeSpace usable_by_caller(int status, const struct statfs& filesystem, const std::string& what) {
    if (status != 0) throw_errno(concat("cannot read the free space of ", quoted(what)));
    return usable_space(filesystem, ::geteuid() == 0);
}

}  // namespace

FreeSpace usable_space(const struct statfs& filesystem, bool is_root) noexcept {
    std::uint64_t blocks = filesystem.f_bavail;
    if (is_root && filesystem.f_type == EXT4_SUPER_MAGIC) {
        // As in the kernel's ext4_calculate_resv_clusters(): blocks that no user gets.
        constexpr std::uint64_t kMostKept = 4096;
        const std::uint64_t kept = std::min<std::uint64_t>(filesystem.f_blocks / 50, kMostKept);
        const std::uint64_t free = filesystem.f_bfree;
        blocks = std::max(blocks, free - std::min(free, kept));
    }
    const auto size =
        static_cast<std::uint64_t>(filesystem.f_frsize != 0 ? filesystem.f_frsize : filesystem.f_bsize);
    // btrfs creates inodes on demand, and reports a total of 0.
    const bool is_bounded = filesystem.f_files != 0;
    return {
        .bytes = blocks * size,
        .files = is_bounded ? std::min<std::uint64_t>(filesystem.f_ffree, kUnboundedFiles) : kUnboundedFiles};
}

FreeSpace free_space(const std::string& path) {
    struct statfs filesystem {};
    const int status = ::statfs(path.c_str(), &filesystem);
    return usable_by_caller(status, filesystem, path);
}

FreeSpace free_space(int fd, const std::string& what) {
    struct statfs filesystem {};
    const int status = ::fstatfs(fd, &filesystem);
    return usable_by_caller(status, filesystem, what);
}

}  // namespace osb
