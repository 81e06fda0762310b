#include "system/deploy/deploy_arguments.hh"

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "image/deployment/origin.hh"
#include "system/trial/trial.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

bool waits_for_trial(const Roles& roles, const Deployment& deployment) {
    return roles.on_trial && deployment == *roles.on_trial && !deployment.booted;
}

// libostree protects a deployed commit with refs of its own while it is deployed.
bool is_of_deployments(const std::string& ref) {
    return ref.starts_with("ostree/0/") || ref.starts_with("ostree/1/");
}

// deploy_next() removes the deployment that waits for its trial before it makes the new one.
void check_commit_stays(const Sysroot& sysroot, const Deployment& leaving) {
    for (const Deployment& other : sysroot.deployments()) {
        if (!(other == leaving) && other.id.commit == leaving.id.commit) return;
    }
    const ostree::Repository repository = sysroot.repository();
    for (const std::string& ref : repository.refs("")) {
        if (!is_of_deployments(ref) && repository.resolve(ref) == leaving.id.commit) return;
    }
    throw Error(ErrorKind::refused, concat("the deployment ", leaving.id.to_string(),
                                           " waits for its trial, and no ref keeps its commit"))
        .code("trial_pending")
        .hint("change the kernel arguments after the restart, or cancel the trial with 'osb-oci rollback'");
}

}  // namespace

Deployment arguments_base(const Sysroot& sysroot, const Roles& roles) {
    if (sysroot.deployments().empty()) {
        throw Error(ErrorKind::not_found, concat("nothing is deployed in ", quoted(sysroot.path())));
    }
    if (roles.on_trial && waits_for_trial(roles, *roles.on_trial)) return *roles.on_trial;
    return sysroot.deployments().front();
}

DeployOutcome deploy_with_arguments(Sysroot& sysroot, const std::vector<std::string>& arguments) {
    const Roles roles = roles_of(sysroot);
    const Deployment base = arguments_base(sysroot, roles);
    TrialSubject subject;
    ostree::NewDeployment next{.stateroot = base.id.stateroot,
                               .commit = base.id.commit,
                               .origin = image::Origin::parse(base.origin).without_state().text(),
                               .kernel_options = arguments,
                               .merge = base};
    if (waits_for_trial(roles, base)) {
        check_commit_stays(sysroot, base);
        if (const auto trial = read_trial(sysroot)) subject = trial->subject;
        // Its /etc is older than that of the running system, from which it was made.
        next.merge = roles.current;
    }
    return deploy_next(sysroot, next, subject);
}

}  // namespace osb::system
