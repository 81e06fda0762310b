#include "ostree/objects/object_lookup.hh"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "ostree/objects/repository_handle.hh"

namespace osb::ostree {

ObjectLookup::ObjectLookup(const Repository& repository) {
    for (OstreeRepo* repo = repository.handle().repo.get(); repo != nullptr;
         repo = ostree_repo_get_parent(repo)) {
        places_.push_back({open_at(ostree_repo_get_dfd(repo), "objects", O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
                           ostree_repo_get_mode(repo) == OSTREE_REPO_MODE_ARCHIVE});
    }
}

bool ObjectLookup::has(const Sha256& checksum, ObjectType type) const {
    return std::any_of(places_.begin(), places_.end(), [&](const Place& place) {
        const std::string path = loose_path(checksum, type, place.is_archive);
        return ::faccessat(place.objects.get(), path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    });
}

}  // namespace osb::ostree
