#include "ostree/tree/packages.hh"

#include "base/stream.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/tree/apk_database.hh"
#include "ostree/tree/tree_lookup.hh"

namespace osb::ostree {

std::optional<Packages> packages_of_commit(const Repository& repository, const CommitId& commit) {
    for (const std::string_view path : kApkDatabases) {
        const std::optional<Sha256> checksum = find_file(repository, commit, path);
        if (!checksum) continue;
        const ContentObject object = open_object(repository, *checksum);
        if (!object.content) continue;  // a symbolic link
        return package_versions(read_all(*object.content, kMaxApkDatabase, "apk's database"));
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

}  // namespace osb::ostree
