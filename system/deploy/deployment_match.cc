#include "system/deploy/deployment_match.hh"

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/log.hh"
#include "image/deployment/origin.hh"
#include "ostree/tree/commit_info.hh"

namespace osb::system {

std::string manifest_digest_of(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment) {
    try {
        const image::OriginTarget target = image::Origin::parse(deployment.origin).target();
        const auto* image = std::get_if<image::ImageOrigin>(&target);
        if (image != nullptr && !image->manifest_digest.empty()) return image->manifest_digest;
        // A commit that osb-oci or ostree-ext imported has the digest in its metadata.
        return ostree::read_commit_info(sysroot.repository(), deployment.id.commit).manifest_digest;
    } catch (const Error& error) {
        log_debug(concat("deployment ", deployment.id.to_string(),
                         ": cannot read the digest of its manifest: ", error.message()));
        return "";
    }
}

DeploymentMatch match_deployment(const ostree::Sysroot& sysroot, const Roles& roles,
                                 const std::string& digest, const std::optional<ostree::CommitId>& commit) {
    const auto matches = [&](const ostree::Deployment& deployment) {
        return (commit && deployment.id.commit == *commit) ||
               (!digest.empty() && manifest_digest_of(sysroot, deployment) == digest);
    };
    const auto is_current = [&](const ostree::Deployment& deployment) {
        return roles.current && deployment == *roles.current;
    };
    if (roles.on_trial && !is_current(*roles.on_trial)) {
        // Check the next trial first: during it, the next boot does not start the running system.
        if (matches(*roles.on_trial)) return DeploymentMatch::next_on_trial;
    } else if (!sysroot.deployments().empty() && !is_current(sysroot.deployments().front()) &&
               matches(sysroot.deployments().front())) {
        return DeploymentMatch::next_default;
    }
    return roles.current && matches(*roles.current) ? DeploymentMatch::current : DeploymentMatch::absent;
}

}  // namespace osb::system
