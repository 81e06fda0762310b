#include "system/deploy/deployable.hh"

#include <utility>

#include "image/deployment/command_line.hh"
#include "image/deployment/os_release.hh"
#include "ostree/tree/commit_info.hh"

namespace osb::system {

Deployable check_deployable(const ostree::Sysroot& sysroot, const ostree::NewDeployment& deployment) {
    const ostree::Repository repository = sysroot.repository();
    ostree::CommitWalk walk = ostree::walk_commit(repository, deployment.commit);
    image::Kernel kernel = image::find_kernel(repository, walk);
    image::check_command_line(deployment.kernel_options, deployment.stateroot, kernel);
    image::check_title(image::read_os_release(repository, walk),
                       ostree::read_commit_info(repository, deployment.commit).version);
    return {.walk = std::move(walk), .kernel = std::move(kernel)};
}

}  // namespace osb::system
