#include "system/etc/etc_directories.hh"

#include <fcntl.h>

namespace osb::system {
namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

}  // namespace

Fd open_deployment(const ostree::Sysroot& sysroot, const ostree::DeploymentId& id) {
    return open_at(AT_FDCWD, sysroot.path_of(id.path()), kDirectoryFlags);
}

Fd open_etc(const ostree::Sysroot& sysroot, const ostree::DeploymentId& id) {
    return open_at(open_deployment(sysroot, id).get(), "etc", kDirectoryFlags);
}

Fd open_default_etc(const ostree::Sysroot& sysroot, const ostree::DeploymentId& id) {
    const Fd usr = open_at(open_deployment(sysroot, id).get(), "usr", kDirectoryFlags);
    return open_at(usr.get(), "etc", kDirectoryFlags);
}

}  // namespace osb::system
