#include "system/diff/deployment_changes.hh"

#include <utility>

#include "base/error.hh"
#include "system/deploy/deploy.hh"

namespace osb::system {

std::map<std::string, DeploymentChanges> deployment_changes(const ostree::Sysroot& sysroot) {
    std::map<std::string, DeploymentChanges> out;
    const auto current = roles_of(sysroot).current;
    if (!current) return out;
    const ostree::Repository repository = sysroot.repository();
    for (const ostree::Deployment& deployment : sysroot.deployments()) {
        if (deployment == *current) continue;
        DeploymentChanges changes{.against = current->id.to_string()};
        try {
            SystemDiff diff = diff_trees(
                {.repository = repository, .commit = current->id.commit}, current->id.short_text(),
                {.repository = repository, .commit = deployment.id.commit}, deployment.id.short_text(), 0);
            changes.packages = std::move(diff.packages);
            changes.files = diff.tree.files;
        } catch (const Error& error) {
            changes.problem = error.message();
        }
        out.emplace(deployment.id.to_string(), std::move(changes));
    }
    return out;
}

}  // namespace osb::system
