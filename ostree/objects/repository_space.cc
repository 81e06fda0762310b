#include "ostree/objects/repository_space.hh"

#include "base/free_space.hh"

namespace osb::ostree {

std::uint64_t min_free_space(OstreeRepo* repo) {
    guint64 reserve = 0;
    GErrorSlot error;
    error.check(ostree_repo_get_min_free_space_bytes(repo, &reserve, error.out()) != 0,
                "cannot read the repository's min-free-space");
    return reserve;
}

std::int64_t space_left(int repo_fd, std::uint64_t reserve) {
    const FreeSpace free = free_space(repo_fd, "the repository");
    return static_cast<std::int64_t>(free.bytes) - static_cast<std::int64_t>(reserve);
}

}  // namespace osb::ostree
