#include "ostree/import/content_objects.hh"

#include "base/error.hh"

namespace osb::ostree {

void ContentObjects::add(std::size_t group, ObjectMeta meta, const Sha256& object) {
    const std::lock_guard guard(mutex_);
    if (!first_[group]) first_[group] = object;
    objects_.emplace(std::pair(group, std::move(meta)), object);
}

std::optional<Sha256> ContentObjects::find(std::size_t group, const ObjectMeta& meta) const {
    const std::lock_guard guard(mutex_);
    const auto found = objects_.find({group, meta});
    return found == objects_.end() ? std::nullopt : std::optional(found->second);
}

Sha256 ContentObjects::first(std::size_t group) const {
    const std::lock_guard guard(mutex_);
    if (!first_[group])
        throw Error(ErrorKind::not_found, "the repository does not have the content that was recorded");
    return *first_[group];
}

bool ContentObjects::has(std::size_t group) const {
    const std::lock_guard guard(mutex_);
    return first_[group].has_value();
}

}  // namespace osb::ostree
