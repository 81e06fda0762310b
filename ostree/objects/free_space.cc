#include "ostree/objects/free_space.hh"

#include <sys/statvfs.h>
#include <unistd.h>

namespace osb::ostree {

std::uint64_t min_free_space(OstreeRepo* repo) {
    guint64 reserve = 0;
    GErrorSlot error;
    error.check(ostree_repo_get_min_free_space_bytes(repo, &reserve, error.out()) != 0,
                "cannot read the repository's min-free-space");
    return reserve;
}

std::int64_t space_left(int repo_fd, std::uint64_t reserve) {
    struct statvfs fs {};
    if (::fstatvfs(repo_fd, &fs) != 0)
        throw_errno("cannot see the free space of the repository's filesystem");
    const std::uint64_t blocks = ::geteuid() == 0 ? fs.f_bfree : fs.f_bavail;
    return static_cast<std::int64_t>(blocks * fs.f_frsize) - static_cast<std::int64_t>(reserve);
}

}  // namespace osb::ostree
