#include "system/diff/merge_target.hh"

#include <sys/stat.h>

#include <string>

#include "system/deploy/deployment_name.hh"
#include "system/etc/etc_record.hh"

namespace osb::system {
namespace {

// libostree makes the directory immutable when it has deployed, so its time is that of the deployment.
bool was_made_before(const ostree::Sysroot& sysroot, const ostree::Deployment& a,
                     const ostree::Deployment& b) {
    struct stat first {};
    struct stat second {};
    if (::lstat(sysroot.path_of(a.id.path()).c_str(), &first) != 0 ||
        ::lstat(sysroot.path_of(b.id.path()).c_str(), &second) != 0) {
        return false;
    }
    return first.st_mtim.tv_sec < second.st_mtim.tv_sec;
}

}  // namespace

std::optional<ostree::Deployment> merge_target(const ostree::Sysroot& sysroot,
                                               const ostree::Deployment& deployment) {
    const std::optional<ostree::Deployment> pending = pending_deployment(sysroot);
    if (!pending || pending->id.stateroot != deployment.id.stateroot) return std::nullopt;
    if (const auto record = find_etc_merge(sysroot.path(), pending->id))
        return record->from == deployment.id ? pending : std::nullopt;
    if (*pending == deployment || find_deployment(sysroot, "") != deployment) return std::nullopt;
    return pending->staged || !was_made_before(sysroot, *pending, deployment) ? pending : std::nullopt;
}

}  // namespace osb::system
