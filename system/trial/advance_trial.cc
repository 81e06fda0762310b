#include "system/trial/advance_trial.hh"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "base/random.hh"
#include "image/boot/boot_menu.hh"
#include "image/deployment/origin.hh"
#include "system/trial/boot_files.hh"
#include "system/trial/boot_once.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

std::int64_t now() {
    return static_cast<std::int64_t>(std::time(nullptr));
}

// Returns the deployment on trial; nothing if it was removed.
std::optional<Deployment> tried(const Sysroot& sysroot, const TrialObservation& seen) {
    for (const Deployment& deployment : sysroot.deployments()) {
        if (seen.trial && seen.trial->is_of(deployment)) return deployment;
    }
    return std::nullopt;
}

void set_state(const Sysroot& sysroot, TrialObservation& seen, TrialState state) {
    if (!seen.trial) return;
    seen.trial->state = state;
    seen.trial->boot_id = state == TrialState::armed ? current_boot_id() : std::string();
    TrialRecords(sysroot.path()).set_trial(*seen.trial);
}

// With a new id, notes of the first try do not count for the second.
void set_retry(const Sysroot& sysroot, TrialObservation& seen) {
    if (!seen.trial) return;
    seen.trial->id = new_trial_id();
    ++seen.trial->attempt;
    seen.stage.reset();
    set_state(sysroot, seen, TrialState::prepared);
}

void record_failure(const Sysroot& sysroot, TrialObservation& seen, const std::string& reason) {
    if (!seen.trial || seen.facts.progress == ProgressFact::judged) return;
    seen.failed.push_back({.deployment = seen.trial->deployment,
                           .subject = seen.trial->subject,
                           .reason = escape(reason),
                           .time = std::max(now(), seen.trial->time)});  // a clock may go back
    TrialRecords(sysroot.path()).set_failed(seen.failed);
}

void forget_failures(const Sysroot& sysroot, TrialObservation& seen) {
    if (!seen.trial) return;
    const std::size_t before = seen.failed.size();
    std::erase_if(seen.failed, [&](const FailedTrial& failure) {
        return failure.deployment.commit == seen.trial->deployment.commit ||
               (!seen.trial->subject.digest.empty() && failure.subject.digest == seen.trial->subject.digest);
    });
    if (seen.failed.size() != before) TrialRecords(sysroot.path()).set_failed(seen.failed);
}

// Marks the deployment on trial; without a trial, the default.
void mark_proven(Sysroot& sysroot, const TrialObservation& seen) {
    std::optional<Deployment> deployment = tried(sysroot, seen);
    if (!seen.trial && !sysroot.deployments().empty()) deployment = sysroot.deployments().front();
    if (!deployment) return;
    const auto origin = image::Origin::parse_or_empty(deployment->origin);
    if (origin.is_untried()) sysroot.set_origin(*deployment, origin.with_untried(false).text());
}

void put_first(Sysroot& sysroot, const Deployment& first) {
    if (sysroot.deployments().front() == first) return;
    std::vector<Deployment> order{first};
    for (const Deployment& deployment : sysroot.deployments()) {
        if (!(deployment == first)) order.push_back(deployment);
    }
    write_deployments(sysroot, order);
}

// An administrator may have made the deployment on trial the default.
void keep_default(Sysroot& sysroot, const TrialObservation& seen) {
    const std::vector<Deployment>& all = sysroot.deployments();
    if (all.size() > 1 && seen.trial && seen.trial->is_of(all.front()))
        put_first(sysroot, Deployment(all[1]));
}

// A pinned deployment stays, after the proven ones.
void drop_deployment(Sysroot& sysroot, const TrialObservation& seen) {
    const std::optional<Deployment> deployment = tried(sysroot, seen);
    if (!deployment) return;
    std::vector<Deployment> left = sysroot.deployments();
    std::erase(left, *deployment);
    if (deployment->pinned || deployment->booted) left.push_back(*deployment);
    if (left != sysroot.deployments()) write_deployments(sysroot, left);
}

// Without its record, the label `trial` starts the default. Therefore an unwritable bootloader is not a
// reason to keep a trial that is over.
void clear_trial_label(const Sysroot& sysroot) {
    try {
        clear_boot_once(sysroot.boot(), image::kTrialLabel);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::not_found || error.kind() == ErrorKind::invalid) return;
        log_warning(error.message());
    }
}

void refresh_menu(const Sysroot& sysroot, const TrialObservation& seen) {
    if (!seen.trial && seen.menu_is_current) return;
    write_menu(sysroot);
}

void verify(const Sysroot& sysroot, const TrialObservation& seen) {
    if (const std::optional<Deployment> deployment = tried(sysroot, seen))
        verify_boot_files(sysroot, *deployment);
}

}  // namespace

void apply_trial_step(Sysroot& sysroot, TrialStep step, TrialObservation& seen, const std::string& failure) {
    switch (step) {
        case TrialStep::sync_disks:
            return ::sync();
        case TrialStep::set_prepared:
            return set_state(sysroot, seen, TrialState::prepared);
        case TrialStep::set_retry:
            return set_retry(sysroot, seen);
        case TrialStep::set_armed:
            return set_state(sysroot, seen, TrialState::armed);
        case TrialStep::set_passed:
            return set_state(sysroot, seen, TrialState::passed);
        case TrialStep::record_failure:
            return record_failure(sysroot, seen, failure);
        case TrialStep::forget_failures:
            return forget_failures(sysroot, seen);
        case TrialStep::mark_proven:
            return mark_proven(sysroot, seen);
        case TrialStep::make_default:
            if (const auto deployment = tried(sysroot, seen)) put_first(sysroot, *deployment);
            return;
        case TrialStep::keep_default:
            return keep_default(sysroot, seen);
        case TrialStep::drop_deployment:
            return drop_deployment(sysroot, seen);
        case TrialStep::write_menu:
            return refresh_menu(sysroot, seen);
        case TrialStep::verify_boot_files:
            return verify(sysroot, seen);
        case TrialStep::set_boot_once:
            return set_boot_once(sysroot.boot(), image::kTrialLabel);
        case TrialStep::clear_boot_once:
            return clear_trial_label(sysroot);
        case TrialStep::remove_record:
            return TrialRecords(sysroot.path()).remove_trial();
    }
}

TrialOutcome advance_trial(Sysroot& sysroot, TrialEvent event, const TrialInput& input) {
    TrialObservation seen = observe_trial(sysroot, input.running, input.panic);
    const TrialRule& rule = find_trial_rule(seen.facts, event);
    log_debug(concat("trial: ", rule.name));
    TrialOutcome out{.verdict = rule.verdict, .reason = {}, .restart = rule.restart};
    if (rule.verdict == TrialVerdict::failed) {
        // The running system's failure says nothing about another one.
        const bool is_known = seen.facts.running == RunningFact::tried && !input.failure.empty() &&
                              seen.facts.progress != ProgressFact::repeated;
        out.reason = is_known ? input.failure : describe_silent_end(seen);
    }
    for (const TrialStep step : rule.steps) apply_trial_step(sysroot, step, seen, out.reason);
    return out;
}

TrialOutcome advance_trial(Sysroot& sysroot, TrialEvent event) {
    return advance_trial(sysroot, event, {.running = sysroot.booted()});
}

void prepare_trial(Sysroot& sysroot, const Deployment& deployment, const TrialSubject& subject) {
    advance_trial(sysroot, TrialEvent::replace);
    unlink_failures(sysroot, deployment);
    TrialRecords(sysroot.path())
        .set_trial({.id = new_trial_id(), .deployment = deployment.id, .subject = subject, .time = now()});
}

}  // namespace osb::system
