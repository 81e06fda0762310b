#include "system/upgrade/packages.hh"

#include <fcntl.h>

#include <algorithm>
#include <iterator>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/state_file.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/tree/apk_database.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::system {

std::optional<Packages> packages_of(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment) {
    for (const std::string_view name : kApkDatabases) {
        const std::string path = concat(sysroot.path_of(deployment.id.path()), '/', name);
        try {
            return ostree::package_versions(read_regular_file(AT_FDCWD, path, kMaxApkDatabase));
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::not_found) throw;
        }
    }
    return std::nullopt;
}

std::optional<Packages> packages_of_commit(const ostree::Repository& repository,
                                           const ostree::CommitId& commit) {
    for (const ostree::WalkedFile& file : ostree::walk_commit(repository, commit).files) {
        const bool is_database =
            std::any_of(file.paths.begin(), file.paths.end(), [](const std::string& path) {
                return std::find(std::begin(kApkDatabases), std::end(kApkDatabases), path) !=
                       std::end(kApkDatabases);
            });
        if (!is_database) continue;
        const ostree::ContentObject object = ostree::open_object(repository, file.checksum);
        if (!object.content) return std::nullopt;
        return ostree::package_versions(read_all(*object.content, kMaxApkDatabase, "apk's database"));
    }
    return std::nullopt;
}

std::vector<PackageChange> package_changes(const Packages& before, const Packages& after) {
    std::vector<PackageChange> out;
    auto old = before.begin();
    auto fresh = after.begin();
    while (old != before.end() || fresh != after.end()) {
        if (fresh == after.end() || (old != before.end() && old->first < fresh->first)) {
            out.push_back({old->first, old->second, ""});
            ++old;
        } else if (old == before.end() || fresh->first < old->first) {
            out.push_back({fresh->first, "", fresh->second});
            ++fresh;
        } else {
            if (old->second != fresh->second) out.push_back({old->first, old->second, fresh->second});
            ++old;
            ++fresh;
        }
    }
    return out;
}

}  // namespace osb::system
