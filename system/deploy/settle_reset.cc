#include "system/deploy/settle_reset.hh"

#include <algorithm>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "image/deployment/origin.hh"
#include "ostree/sysroot/stateroot.hh"
#include "system/trial/advance_trial.hh"
#include "system/trial/trial.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

bool is_in_stateroot(const Deployment& deployment, const std::string& stateroot) {
    return deployment.id.stateroot == stateroot;
}

ResetFacts reset_facts_of(const Sysroot& sysroot, const ResetRecord& record, bool has_passed_checks) {
    ResetFacts out{.has_passed_checks = has_passed_checks};
    const std::vector<Deployment>& all = sysroot.deployments();
    out.is_listed = std::any_of(all.begin(), all.end(),
                                [&](const Deployment& one) { return is_in_stateroot(one, record.to); });
    if (!all.empty() && is_in_stateroot(all.front(), record.to)) {
        out.is_default = true;
        out.is_proven = !has_failed(read_failed(sysroot), all.front()) &&
                        !image::Origin::parse_or_empty(all.front().origin).is_untried();
    }
    const std::optional<Deployment> booted = sysroot.booted();
    out.runs = booted && is_in_stateroot(*booted, record.to);
    out.old_runs = booted && is_in_stateroot(*booted, record.from);
    out.has_passed_trial = record.is_tried && out.is_proven;
    const std::optional<Trial> trial = read_trial(sysroot);
    out.is_on_trial = trial && trial->deployment.stateroot == record.to;
    return out;
}

std::vector<Deployment> without_stateroot(const Sysroot& sysroot, const std::string& stateroot) {
    std::vector<Deployment> out = sysroot.deployments();
    std::erase_if(out, [&](const Deployment& one) { return is_in_stateroot(one, stateroot); });
    return out;
}

void remove_side(Sysroot& sysroot, const std::string& stateroot) {
    const std::vector<Deployment> left = without_stateroot(sysroot, stateroot);
    if (left.empty()) throw Error(ErrorKind::internal, "a reset would leave no deployment");
    if (left != sysroot.deployments()) write_deployments(sysroot, left);
    ostree::remove_stateroot(sysroot, stateroot);
    remove_reset(sysroot.path());
}

}  // namespace

ResetStep next_reset_step(const ResetFacts& facts) noexcept {
    if (facts.is_on_trial && facts.is_listed) return ResetStep::wait;
    if (!facts.is_listed) return facts.runs ? ResetStep::wait : ResetStep::discard;
    const bool has_run = facts.runs || facts.has_passed_trial;
    const bool is_done =
        facts.is_default && facts.is_proven && has_run && !facts.old_runs && facts.has_passed_checks;
    return is_done ? ResetStep::complete : ResetStep::wait;
}

bool is_reset_waiting(const Sysroot& sysroot, const ResetRecord& record) {
    const ResetFacts facts = reset_facts_of(sysroot, record, false);
    return !facts.runs && facts.is_listed &&
           (facts.is_on_trial || (facts.is_default && !facts.has_passed_trial));
}

std::optional<ResetStep> pending_reset_step(const Sysroot& sysroot, bool has_passed_checks) {
    const std::optional<ResetRecord> record = read_reset(sysroot.path());
    if (!record) return std::nullopt;
    return next_reset_step(reset_facts_of(sysroot, *record, has_passed_checks));
}

ResetStep settle_reset(Sysroot& sysroot, bool has_passed_checks) {
    const std::optional<ResetRecord> record = read_reset(sysroot.path());
    if (!record) return ResetStep::wait;
    const ResetStep step = next_reset_step(reset_facts_of(sysroot, *record, has_passed_checks));
    switch (step) {
        case ResetStep::wait:
            break;
        case ResetStep::complete:
            remove_side(sysroot, record->from);
            log_info(concat("the factory reset is complete: the former systems and their data (stateroot ",
                            quoted(record->from), ") are removed"));
            break;
        case ResetStep::discard:
            remove_side(sysroot, record->to);
            log_info(concat("removed the remains of a factory reset (stateroot ", quoted(record->to), ')'));
            break;
    }
    return step;
}

void cancel_reset(Sysroot& sysroot, const ResetRecord& record) {
    const std::optional<Deployment> booted = sysroot.booted();
    if (booted && is_in_stateroot(*booted, record.to)) {
        throw Error(ErrorKind::refused, "the system of the factory reset is running").code("reset_pending");
    }
    const std::optional<Trial> trial = read_trial(sysroot);
    if (trial && trial->deployment.stateroot == record.to) advance_trial(sysroot, TrialEvent::rollback);
    remove_side(sysroot, record.to);
}

}  // namespace osb::system
