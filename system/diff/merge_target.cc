#include "system/diff/merge_target.hh"

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "base/error.hh"
#include "base/escape.hh"
#include "system/deploy/deployment_name.hh"
#include "system/etc/etc_record.hh"

namespace osb::system {
namespace {

// libostree makes the directory immutable when it has deployed, so its time is that of the deployment.
std::int64_t deploy_time_of(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment) {
    const std::string path = sysroot.path_of(deployment.id.path());
    struct stat st {};
    if (::lstat(path.c_str(), &st) != 0) throw_errno(quoted(path));
    return st.st_mtim.tv_sec;
}

bool was_made_before(const ostree::Sysroot& sysroot, const ostree::Deployment& a,
                     const ostree::Deployment& b) {
    return deploy_time_of(sysroot, a) < deploy_time_of(sysroot, b);
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
