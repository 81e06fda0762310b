#include "system/deploy/deploy.hh"

#include <algorithm>
#include <set>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/log.hh"
#include "image/deployment/origin.hh"
#include "ostree/sysroot/stateroot.hh"
#include "system/deploy/deploy_room.hh"
#include "system/deploy/deploy_space.hh"
#include "system/deploy/settle_reset.hh"
#include "system/etc/etc_merge.hh"
#include "system/extension/extension_files.hh"
#include "system/trial/advance_trial.hh"
#include "system/trial/trial_support.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

// Returns the list without leftovers. The first deployment is the bootloader's default.
std::vector<Deployment> list_of(const Roles& roles) {
    std::vector<Deployment> out;
    const auto add = [&](const std::optional<Deployment>& deployment) {
        if (deployment && std::find(out.begin(), out.end(), *deployment) == out.end())
            out.push_back(*deployment);
    };
    // After a rollback, the other proven deployment is already the default.
    if (roles.rollback_is_default) add(roles.rollback);
    if (roles.current_is_proven) add(roles.current);
    add(roles.rollback);
    add(roles.on_trial);
    add(roles.current);
    for (const Deployment& deployment : roles.pinned) add(deployment);
    return out;
}

// Returns the refs of images that no deployment follows.
std::vector<std::string> unused_image_refs(const Sysroot& sysroot) {
    std::set<std::string> used;
    for (const Deployment& deployment : sysroot.deployments()) {
        try {
            const image::OriginTarget target = image::Origin::parse(deployment.origin).target();
            if (const auto* image = std::get_if<image::ImageOrigin>(&target))
                used.insert(image::image_ref(image->value).text());
        } catch (const Error& error) {
            // If the origin is unreadable, delete nothing.
            log_debug(concat("refs of images are kept: ", error.message()));
            return {};
        }
    }
    std::vector<std::string> out = sysroot.repository().refs(std::string(image::kImageRefPrefix));
    std::erase_if(out, [&](const std::string& ref) { return used.contains(ref); });
    return out;
}

// The two stateroots of a factory reset are those of one machine. All other stateroots are not ours to
// change.
bool is_of_machine(const Roles& roles, const std::string& stateroot) {
    const std::string& current = roles.current->id.stateroot;
    return stateroot == current ||
           (roles.reset && roles.reset->concerns(stateroot) && roles.reset->concerns(current));
}

// A reset that fails leaves all systems of the old stateroot as they were.
bool is_kept_by_reset(const Roles& roles, const Deployment& deployment) {
    return roles.reset && roles.current->id.stateroot == roles.reset->to &&
           deployment.id.stateroot == roles.reset->from;
}

}  // namespace

Roles roles_of(const Sysroot& sysroot) {
    Roles roles;
    const std::vector<Deployment>& all = sysroot.deployments();
    if (all.empty()) return roles;
    roles.current = sysroot.booted().value_or(all.front());
    roles.reset = read_reset(sysroot.path());
    roles.reset_waits = roles.reset && is_reset_waiting(sysroot, *roles.reset);
    const std::optional<Trial> trial = read_trial(sysroot);
    const std::vector<FailedTrial> failures = read_failed(sysroot);
    const auto is_proven = [&](const Deployment& deployment) {
        return !has_failed(failures, deployment) &&
               !image::Origin::parse_or_empty(deployment.origin).is_untried();
    };
    roles.current_is_proven = is_proven(*roles.current) && !(trial && trial->is_of(*roles.current));
    for (const Deployment& deployment : all) {
        if (trial && trial->is_of(deployment)) {
            roles.on_trial = deployment;
        } else if (deployment == *roles.current) {
            continue;
        } else if (!roles.rollback && is_proven(deployment) &&
                   is_of_machine(roles, deployment.id.stateroot) && !deployment.staged) {
            roles.rollback = deployment;
            roles.rollback_is_default = deployment == all.front();
        } else if (deployment.pinned || !is_of_machine(roles, deployment.id.stateroot) ||
                   is_kept_by_reset(roles, deployment)) {
            roles.pinned.push_back(deployment);
        } else {
            roles.others.push_back(deployment);
        }
    }
    return roles;
}

void check_not_on_trial(const Roles& roles) {
    if (!roles.runs_on_trial()) return;
    throw Error(ErrorKind::refused, "the running system is on trial and has not passed its health check yet")
        .code("on_trial")
        .hint("wait for it, run 'osb-oci boot-check', or go back with 'osb-oci rollback'");
}

void check_no_reset_waits(const Roles& roles) {
    if (!roles.reset_waits) return;
    throw Error(ErrorKind::refused, "a factory reset waits for the restart")
        .code("reset_pending")
        .hint("restart the machine, or cancel the reset with 'osb-oci rollback'");
}

namespace {

// Returns the deployments that the next one replaces: leftovers, and the one that waits for its trial unless
// it is pinned.
std::vector<Deployment> leaving_for_next(const Roles& roles) {
    std::vector<Deployment> out = roles.others;
    if (roles.on_trial && !roles.on_trial->pinned) out.push_back(*roles.on_trial);
    return out;
}

// Withdraws a waiting trial and removes unused deployments. Among these may be the one of a reset that
// failed; its stateroot goes too, unless it is the one that the next deployment is for.
Roles remove_leaving(Sysroot& sysroot, const std::string& next_stateroot) {
    advance_trial(sysroot, TrialEvent::replace);
    Roles roles = roles_of(sysroot);
    if (!roles.others.empty()) write_deployments(sysroot, list_of(roles));
    if (roles.reset && roles.reset->to != next_stateroot) settle_reset(sysroot, false);
    return roles_of(sysroot);
}

// If this fails before the boot entries have the new deployment, removes its trial too.
void write_new(Sysroot& sysroot, const std::vector<Deployment>& list, const Deployment& made) {
    try {
        write_deployments(sysroot, list);
    } catch (const Error&) {
        try {
            Sysroot now = Sysroot::open(sysroot.path());
            if (!now.find(made.id)) advance_trial(now, TrialEvent::cleanup);
        } catch (const Error& error) {
            log_warning(error.message());
        }
        throw;
    }
}

// If the machine supports trials, a system that cannot be tried was refused earlier. This catches an /etc
// that differs from the expected one.
void check_made(const Sysroot& sysroot, const Deployment& made) {
    if (can_end_trial(sysroot, made)) return;
    throw Error(ErrorKind::refused, "the new system cannot be tried: its /etc does not start osb-boot-check")
        .code("cannot_be_tried");
}

// Conflicts are warnings: the new system starts, but the administrator should check them.
std::vector<std::string> merge_etc_from(const Sysroot& sysroot, const std::optional<Deployment>& from,
                                        const Deployment& made) {
    if (const auto booted = sysroot.booted()) forget_etc_merge(sysroot, booted->id);
    if (!from) return {};
    std::vector<std::string> conflicts = merge_new_etc(sysroot, *from, made);
    for (const std::string& conflict : conflicts) log_warning(conflict);
    return conflicts;
}

}  // namespace

DeployOutcome deploy_next(Sysroot& sysroot, const ostree::NewDeployment& deployment,
                          const TrialSubject& subject, const FillDeployment& fill) {
    const Roles before = roles_of(sysroot);
    check_not_on_trial(before);
    check_no_reset_waits(before);
    const Deployable deployable = check_deployable(sysroot, deployment);
    const TrialSupport support = trial_support(sysroot);
    if (support.is_broken) {
        throw Error(ErrorKind::io, concat("a new system could not be tried: ", support.reason))
            .hint("repair BOOT, for example with 'extlinux --install /boot/extlinux'");
    }
    const bool tried = support.supported && before.current.has_value();
    // Only check_made() knows the /etc that `fill` makes.
    if (tried && !fill) check_can_end_trial(sysroot, deployable.walk, *before.current);
    ostree::ensure_var(sysroot, deployment.stateroot);
    // Remains of an interrupted run in BOOT would count as used space.
    write_menu(sysroot);
    sysroot.remove_undeployed();
    make_room(sysroot, deployment.stateroot, deployable, leaving_for_next(before));
    std::vector<Deployment> list = list_of(remove_leaving(sysroot, deployment.stateroot));
    check_space(sysroot, deployment.stateroot, deployable, {});
    ostree::NewDeployment next = deployment;
    next.origin = image::Origin::parse(deployment.origin).with_untried(tried).text();
    next.merge.reset();  // libostree would stop at what merge_new_etc() can merge
    const Deployment made = sysroot.deploy(next);
    std::vector<std::string> conflicts = merge_etc_from(sysroot, deployment.merge, made);
    if (fill) fill(made);
    if (tried) {
        check_made(sysroot, made);
        prepare_trial(sysroot, made, subject);
    } else {
        unlink_failures(sysroot, made);
        log_info(concat("no trial: ", support.reason));
    }
    // A proven deployment stays the default until the new one is proven.
    list.insert(tried ? list.begin() + 1 : list.begin(), made);
    write_new(sysroot, list, made);
    if (tried) advance_trial(sysroot, TrialEvent::resume);
    return {.deployment = sysroot.find(made.id).value_or(made),
            .result = tried ? DeployResult::on_trial : DeployResult::is_default,
            .etc_conflicts = std::move(conflicts)};
}

std::uint64_t keep_proven(Sysroot& sysroot) {
    advance_trial(sysroot, TrialEvent::cleanup);
    const Roles roles = roles_of(sysroot);
    if (!roles.others.empty()) {
        // Keep the order: after a rollback the first is not the current one.
        std::vector<Deployment> kept = sysroot.deployments();
        std::erase_if(kept, [&](const Deployment& deployment) {
            return std::find(roles.others.begin(), roles.others.end(), deployment) != roles.others.end();
        });
        write_deployments(sysroot, kept);
    } else {
        write_menu(sysroot);
    }
    settle_reset(sysroot, true);
    std::vector<std::string> unused = unused_image_refs(sysroot);
    for (std::string& ref : unused_extension_refs(sysroot)) unused.push_back(std::move(ref));
    remove_unused_extension_files(sysroot);
    return sysroot.cleanup(unused);
}

}  // namespace osb::system
