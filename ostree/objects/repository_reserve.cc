#include "ostree/objects/repository_reserve.hh"

#include "base/bytes.hh"
#include "base/escape.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/objects/repository_space.hh"

namespace osb::ostree {

RepositoryReserve::RepositoryReserve(const Repository& repository)
    : repository_(repository), reserve_(min_free_space(repository.handle().repo.get())) {}

void RepositoryReserve::check(std::uint64_t bytes) const {
    const int directory = ostree_repo_get_dfd(repository_.handle().repo.get());
    if (space_left(directory, reserve_) < in_blocks(bytes)) throw reserve_error(repository_, reserve_);
}

Error reserve_error(const Repository& repository, std::uint64_t reserve) {
    constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20U;
    return Error(ErrorKind::no_space, concat("the repository ", quoted(repository.path()),
                                             " would leave less than its reserve of ", reserve / kMebibyte,
                                             " MiB free on its filesystem"))
        .hint("make room, or lower min-free-space-percent in the repository's config");
}

}  // namespace osb::ostree
