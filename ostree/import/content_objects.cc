#include "ostree/import/content_objects.hh"

#include <algorithm>

#include "base/error.hh"

namespace osb::ostree {

void ContentObjects::add(std::size_t group, ObjectMeta meta, const Sha256& object) {
    const std::lock_guard guard(mutex_);
    groups_[group].emplace_back(std::move(meta), object);
}

std::optional<Sha256> ContentObjects::find(std::size_t group, const ObjectMeta& meta) const {
    const std::lock_guard guard(mutex_);
    const auto& objects = groups_[group];
    const auto found = std::find_if(objects.begin(), objects.end(),
                                    [&meta](const auto& object) { return object.first == meta; });
    return found == objects.end() ? std::nullopt : std::optional(found->second);
}

Sha256 ContentObjects::first(std::size_t group) const {
    const std::lock_guard guard(mutex_);
    if (groups_[group].empty())
        throw Error(ErrorKind::not_found, "the repository does not have the content that was recorded");
    return groups_[group].front().second;
}

bool ContentObjects::has(std::size_t group) const {
    const std::lock_guard guard(mutex_);
    return !groups_[group].empty();
}

}  // namespace osb::ostree
