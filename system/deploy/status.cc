#include "system/deploy/status.hh"

#include <sys/stat.h>

#include <algorithm>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/log.hh"
#include "image/deployment/origin.hh"
#include "ostree/tree/commit_info.hh"
#include "system/deploy/deploy.hh"
#include "system/deploy/deployment_match.hh"
#include "system/etc/etc_merge.hh"
#include "system/trial/trial_observation.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

// Later, libostree does not change the directory itself: it makes it immutable. install-to-disk sets no time.
std::optional<std::uint64_t> deployed_at(const Sysroot& sysroot, const Deployment& deployment) {
    struct stat info {};
    if (::lstat(sysroot.path_of(deployment.id.path()).c_str(), &info) != 0 || info.st_mtime <= 0) {
        return std::nullopt;
    }
    return static_cast<std::uint64_t>(info.st_mtime);
}

void add_origin(DeploymentStatus& out) {
    try {
        const image::OriginTarget target = image::Origin::parse(out.deployment.origin).target();
        out.follows = to_string(target);
        const auto* image = std::get_if<image::ImageOrigin>(&target);
        if (image == nullptr) return;
        if (image->requires_signature) out.signature = RequiredSignature::policy;
        if (!image->remote.empty()) out.signature = RequiredSignature::remote;
        out.remote = image->remote;
    } catch (const Error& error) {
        out.follows = image::Origin::parse_or_empty(out.deployment.origin).named();
        out.origin_problem = error.message();
    }
}

void add_commit(DeploymentStatus& out, const Sysroot& sysroot) {
    try {
        const ostree::CommitInfo info =
            ostree::read_commit_info(sysroot.repository(), out.deployment.id.commit);
        out.version = info.version;
        out.built = info.time;
    } catch (const Error& error) {
        log_debug(concat("commit ", out.deployment.id.commit, ": ", error.message()));
    }
}

std::optional<EtcState> etc_state_of(const Sysroot& sysroot, const Deployment& deployment) {
    try {
        return etc_state(sysroot, deployment.id);
    } catch (const Error& error) {
        log_debug(concat("/etc: ", error.message()));
        return std::nullopt;
    }
}

bool is_same(const std::optional<Deployment>& role, const Deployment& deployment) {
    return role && *role == deployment;
}

DeploymentStatus describe(const Sysroot& sysroot, const Deployment& deployment, const Roles& roles,
                          const std::vector<FailedTrial>& failed) {
    DeploymentStatus out{.deployment = deployment};
    out.is_default = deployment == sysroot.deployments().front();
    out.on_trial = is_same(roles.on_trial, deployment);
    out.rollback = is_same(roles.rollback, deployment);
    out.left_over = std::find(roles.others.begin(), roles.others.end(), deployment) != roles.others.end();
    out.failed = has_failed(failed, deployment);
    out.etc = etc_state_of(sysroot, deployment);
    out.digest = manifest_digest_of(sysroot, deployment);
    out.deployed = deployed_at(sysroot, deployment);
    add_origin(out);
    add_commit(out, sysroot);
    return out;
}

// A running trial ends at the next boot in any case. If the bootloader's data cannot be read, the record
// decides.
bool is_tried_next(const SystemStatus& status, const Sysroot& sysroot) {
    if (!status.trial || status.trial->state == TrialState::passed) return false;
    const NextStart next = read_next_start(sysroot);
    return next == NextStart::unknown ? status.trial->state == TrialState::armed : next == NextStart::trial;
}

std::optional<std::size_t> next_boot_of(const SystemStatus& status, const Sysroot& sysroot) {
    if (status.deployments.empty()) return std::nullopt;
    if (!is_tried_next(status, sysroot)) return 0;
    for (std::size_t i = 0; i < status.deployments.size(); ++i) {
        const DeploymentStatus& one = status.deployments[i];
        if (one.on_trial && !one.deployment.booted) return i;
    }
    return 0;
}

void add_extensions(SystemStatus& out, const Sysroot& sysroot) {
    if (out.deployments.empty()) return;
    try {
        out.extensions = read_extension_status(sysroot);
    } catch (const Error& error) {
        out.extensions_problem = error.message();
    }
}

}  // namespace

const DeploymentStatus* SystemStatus::current() const {
    for (const DeploymentStatus& one : deployments) {
        if (one.deployment.booted) return &one;
    }
    return deployments.empty() ? nullptr : &deployments.front();
}

const FailedTrial* SystemStatus::recent_failure() const {
    if (failed.empty()) return nullptr;
    const DeploymentStatus* now = current();
    const FailedTrial& last = failed.back();
    const bool is_history =
        now != nullptr && now->deployed && last.time < static_cast<std::int64_t>(*now->deployed);
    return is_history ? nullptr : &last;
}

SystemStatus read_status(const Sysroot& sysroot) {
    SystemStatus out;
    const Roles roles = roles_of(sysroot);
    out.trial = read_trial(sysroot);
    out.failed = read_failed(sysroot);
    out.trial_support = trial_support(sysroot);
    out.reset = roles.reset;
    out.reset_waits = roles.reset_waits;
    for (const Deployment& deployment : sysroot.deployments()) {
        out.deployments.push_back(describe(sysroot, deployment, roles, out.failed));
    }
    out.next_boot = next_boot_of(out, sysroot);
    add_extensions(out, sysroot);
    return out;
}

}  // namespace osb::system
