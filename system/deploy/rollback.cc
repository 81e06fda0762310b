#include "system/deploy/rollback.hh"

#include <algorithm>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "image/boot/boot_menu.hh"
#include "system/deploy/deploy.hh"
#include "system/deploy/given_up.hh"
#include "system/deploy/settle_reset.hh"
#include "system/trial/advance_trial.hh"
#include "system/trial/trial.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;
using Deployments = std::vector<Deployment>;

Deployments all_but(const Sysroot& sysroot, const Deployment& one) {
    Deployments out = sysroot.deployments();
    std::erase_if(out, [&](const Deployment& other) { return other == one; });
    return out;
}

std::optional<Deployment> staged_in(const Sysroot& sysroot) {
    for (const Deployment& deployment : sysroot.deployments()) {
        if (deployment.staged) return deployment;
    }
    return std::nullopt;
}

RollbackOutcome change_places(Sysroot& sysroot, const Roles& roles) {
    const Deployment& current = *roles.current;
    if (!roles.rollback) {
        Error error(ErrorKind::not_found, "there is no other proven system to go back to");
        if (!roles.pinned.empty()) {
            throw std::move(error).hint("you can start pinned deployments from the bootloader's menu");
        }
        if (reset_number(current.id.stateroot) != 0 && sysroot.deployments().size() == 1) {
            throw std::move(error).hint(
                "a factory reset removes the former systems; the next upgrade makes it possible again");
        }
        throw std::move(error).hint(
            "after the next upgrade that passes its checks, you can go back to this system");
    }
    const Deployment first = sysroot.deployments().front();
    const bool is_back = first == current || !roles.current_is_proven;
    const Deployment& next = is_back ? *roles.rollback : current;
    const Deployment& other = is_back ? current : *roles.rollback;
    // Another program may have made it, or an osb-oci that did not check.
    if (!(next == first)) image::check_entry_of(sysroot.boot(), next.boot_path);
    Deployments order{next, other};
    for (const Deployment& deployment : sysroot.deployments()) {
        if (!(deployment == next) && !(deployment == other)) order.push_back(deployment);
    }
    record_given_up(sysroot, roles.current_is_proven ? first : current);
    if (order != sysroot.deployments()) write_deployments(sysroot, order);
    return {.result = roles.current_is_proven ? RollbackResult::swapped : RollbackResult::left,
            .next = sysroot.deployments().front(),
            .given_up = roles.current_is_proven ? first : current};
}

void check_droppable(const Sysroot& sysroot, const Roles& roles) {
    const Deployment& rollback = *roles.rollback;
    const auto refuse = [](const std::string& why, std::string_view code) {
        return Error(ErrorKind::refused, concat("the rollback deployment ", why)).code(code);
    };
    if (rollback.pinned) {
        throw refuse("is pinned", "pinned").hint("run 'osb-oci unpin rollback' first");
    }
    if (roles.runs_on_trial()) {
        throw refuse("is the fallback while this system is on trial", "on_trial")
            .hint("'osb-oci boot-check' ends the trial");
    }
    if (sysroot.deployments().front() == rollback) {
        throw refuse("is the default of the next boot", "next_default")
            .hint("run 'osb-oci rollback' to make this system the default again");
    }
}

RollbackOutcome give_up_reset(Sysroot& sysroot, const ResetRecord& reset) {
    std::optional<Deployment> given_up;
    for (const Deployment& deployment : sysroot.deployments()) {
        if (deployment.id.stateroot == reset.to) given_up = deployment;
    }
    cancel_reset(sysroot, reset);
    return {.result = RollbackResult::reset_cancelled,
            .next = sysroot.deployments().front(),
            .given_up = std::move(given_up)};
}

}  // namespace

RollbackOutcome roll_back(Sysroot& sysroot) {
    if (const auto staged = staged_in(sysroot)) {
        write_deployments(sysroot, all_but(sysroot, *staged));
        return {.result = RollbackResult::staged_dropped,
                .next = sysroot.deployments().front(),
                .given_up = *staged};
    }
    if (sysroot.deployments().empty()) {
        throw Error(ErrorKind::not_found, concat("nothing is deployed in ", quoted(sysroot.path())));
    }
    const Roles before = roles_of(sysroot);
    if (before.reset_waits) return give_up_reset(sysroot, *before.reset);
    // Recorded first: the repetition of an interrupted rollback no longer finds the deployment.
    if (before.on_trial && !before.runs_on_trial()) record_given_up(sysroot, *before.on_trial);
    const TrialOutcome trial = advance_trial(
        sysroot, TrialEvent::rollback, {.running = before.current, .failure = "rolled back by the operator"});
    const auto outcome = [&](RollbackResult result) {
        return RollbackOutcome{
            .result = result, .next = sysroot.deployments().front(), .given_up = before.on_trial};
    };
    switch (trial.verdict) {
        case TrialVerdict::withdrawn:
            // An interrupted rollback has removed it from the list, but maybe not its files.
            if (!before.on_trial) sysroot.remove_undeployed();
            return outcome(RollbackResult::trial_cancelled);
        case TrialVerdict::failed:
            // If a trial is over and nobody has noticed, the rollback cancels the pending change.
            return outcome(before.runs_on_trial() ? RollbackResult::trial_failed
                                                  : RollbackResult::trial_cancelled);
        default:
            break;
    }
    return change_places(sysroot, roles_of(sysroot));
}

std::optional<Deployment> drop_rollback(Sysroot& sysroot) {
    const Roles roles = roles_of(sysroot);
    if (!roles.rollback) return std::nullopt;
    check_droppable(sysroot, roles);
    // Also remove leftovers, which would otherwise become the rollback.
    Deployments left = all_but(sysroot, *roles.rollback);
    std::erase_if(left, [&](const Deployment& deployment) {
        return std::find(roles.others.begin(), roles.others.end(), deployment) != roles.others.end();
    });
    write_deployments(sysroot, left);
    return roles.rollback;
}

}  // namespace osb::system
