#include "system/trial/trial_observation.hh"

#include <algorithm>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/log.hh"
#include "image/boot/boot_menu.hh"
#include "image/deployment/origin.hh"
#include "system/trial/boot_once.hh"
#include "system/trial/trial_menu.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

// The most tries of a trial that ends without a verdict.
constexpr int kMaxAttempts = 2;

bool menu_is_current(const Sysroot& sysroot) {
    if (!image::menu_is_ours(sysroot.boot())) return true;
    try {
        return image::menu_is_current(sysroot.boot(), trial_menu(sysroot.path()));
    } catch (const Error& error) {
        log_warning(concat("the bootloader's menu: ", error.message()));
        return true;
    }
}

bool is_judged(const TrialObservation& seen) {
    return std::any_of(seen.failed.begin(), seen.failed.end(), [&](const FailedTrial& failure) {
        return !failure.is_id_reused && failure.deployment == seen.trial->deployment &&
               failure.time >= seen.trial->time;
    });
}

ProgressFact progress_of(const TrialObservation& seen) {
    if (is_judged(seen)) return ProgressFact::judged;
    if (seen.stage) return seen.stage->name == "repeated" ? ProgressFact::repeated : ProgressFact::started;
    if (seen.trial->state != TrialState::armed || seen.in_arming_boot) return ProgressFact::to_come;
    switch (seen.next_start) {
        case NextStart::trial:
            return ProgressFact::to_come;
        case NextStart::unknown:
            return ProgressFact::unknown;
        case NextStart::default_entry:
            return ProgressFact::started;  // the bootloader has cleared its boot-once
    }
    return ProgressFact::unknown;
}

RecordFact record_of(TrialState state) {
    switch (state) {
        case TrialState::prepared:
            return RecordFact::prepared;
        case TrialState::armed:
            return RecordFact::armed;
        case TrialState::passed:
            return RecordFact::passed;
    }
    return RecordFact::none;
}

bool is_unproven(const TrialObservation& seen, const Sysroot& sysroot,
                 const std::optional<Deployment>& running) {
    return running && *running == sysroot.deployments().front() &&
           image::Origin::parse_or_empty(running->origin).is_untried() && !has_failed(seen.failed, *running);
}

TrialFacts facts_of(const TrialObservation& seen, const Sysroot& sysroot,
                    const std::optional<Deployment>& running) {
    TrialFacts out;
    out.unproven = is_unproven(seen, sysroot, running) ? UnprovenFact::yes : UnprovenFact::no;
    if (!seen.trial) return out;
    const std::vector<Deployment>& all = sysroot.deployments();
    const auto is_tried = [&](const Deployment& deployment) { return seen.trial->is_of(deployment); };
    out.record = record_of(seen.trial->state);
    out.running = running && is_tried(*running) ? RunningFact::tried : RunningFact::other;
    out.progress = progress_of(seen);
    out.listed = std::any_of(all.begin(), all.end(), is_tried) ? ListedFact::yes : ListedFact::no;
    out.retry =
        seen.panic.empty() && seen.trial->attempt < kMaxAttempts ? RetryFact::allowed : RetryFact::used_up;
    out.other = std::all_of(all.begin(), all.end(), is_tried) ? OtherFact::none : OtherFact::exists;
    return out;
}

}  // namespace

NextStart read_next_start(const Sysroot& sysroot) {
    try {
        return read_boot_once(sysroot.boot()) == image::kTrialLabel ? NextStart::trial
                                                                    : NextStart::default_entry;
    } catch (const Error& error) {
        log_debug(concat("what the bootloader starts next is not known: ", error.message()));
        return NextStart::unknown;
    }
}

bool TrialObservation::is_settled() const {
    return !trial && next_start != NextStart::trial && menu_is_current && facts.unproven == UnprovenFact::no;
}

TrialObservation observe_trial(const Sysroot& sysroot, const std::optional<Deployment>& running,
                               const std::string& panic) {
    const TrialRecords records(sysroot.path());
    TrialObservation out;
    out.trial = records.trial();
    out.failed = records.failed();
    out.next_start = read_next_start(sysroot);
    out.menu_is_current = menu_is_current(sysroot);
    out.panic = panic;
    if (out.trial) {
        out.stage = records.stage();
        if (out.stage && out.stage->id != out.trial->id) out.stage.reset();
        out.in_arming_boot = out.trial->state == TrialState::armed && out.trial->boot_id == current_boot_id();
    }
    out.facts = facts_of(out, sysroot, running);
    return out;
}

std::string describe_silent_end(const TrialObservation& observation) {
    std::string out = "the kernel or the initramfs did not mount the root filesystem";
    if (const std::optional<TrialStage>& stage = observation.stage) {
        if (stage->name == "root")
            out = "the initramfs mounted the root filesystem, but did not start the system";
        if (stage->name == "init") out = "the system started, but its health check did not run";
        if (stage->name == "checking") {
            out = concat("the health check did not end",
                         stage->detail.empty() ? "" : concat(": it was at check '", stage->detail, "'"));
        }
        if (stage->name == "repeated") {
            out = concat(
                "the bootloader started it a second time",
                stage->detail.empty() ? "" : concat(" (the first time it reached '", stage->detail, "')"));
        }
    }
    if (!observation.panic.empty()) out += concat("; the kernel reported: ", observation.panic);
    return out;
}

}  // namespace osb::system
