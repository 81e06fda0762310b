#include "system/origin/machine_platform.hh"

#include <optional>

#include "image/deployment/machine_check.hh"
#include "ostree/tree/commit_info.hh"

namespace osb::system {

oci::Platform machine_platform(const ostree::Sysroot& sysroot, const ostree::Deployment& current) {
    if (sysroot.booted()) return oci::Platform::host();
    return ostree::read_commit_platform(sysroot.repository(), current.id.commit)
        .value_or(oci::Platform::host());
}

void check_machine(const oci::Platform& image, const ostree::Sysroot& sysroot,
                   const ostree::Deployment& current) {
    const oci::Platform machine = machine_platform(sysroot, current);
    if (image::runs_on(image, machine)) return;
    if (ostree::read_commit_platform(sysroot.repository(), current.id.commit) == image) return;
    image::check_platform(image, machine);
}

void check_machine_of_commit(const ostree::CommitId& commit, const ostree::Sysroot& sysroot,
                             const ostree::Deployment& current) {
    const std::optional<oci::Platform> said = ostree::read_commit_platform(sysroot.repository(), commit);
    if (said) check_machine(*said, sysroot, current);
}

}  // namespace osb::system
