// Ends a factory reset: removes the old stateroot when the new system has passed its checks, or the new one
// when it does not come to that (docs/reset.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ostree/sysroot/sysroot.hh"
#include "system/deploy/reset_record.hh"

namespace osb::system {

// What happens to a reset that is under way.
enum class ResetStep : std::uint8_t {
    wait,      // nothing: its trial has no verdict yet, or the present system runs in the old stateroot
    complete,  // the old stateroot is removed
    discard,   // the new stateroot is removed
};

// The facts that decide.
struct ResetFacts {
    bool is_listed = false;          // the boot entries have a deployment of the new stateroot
    bool is_default = false;         // the first of the boot entries is one of them
    bool is_proven = false;          // and it has passed its trial, or needs none
    bool has_passed_trial = false;   // and that was a trial, so it has been running
    bool runs = false;               // the running system is in the new stateroot
    bool old_runs = false;           // the running system is in the old one
    bool is_on_trial = false;        // a deployment of the new stateroot is on record as on trial
    bool has_passed_checks = false;  // the running system has passed its required checks in this boot
};

// Pure. Never removes the stateroot of the running system, nor the old one before the new one has run.
ResetStep next_reset_step(const ResetFacts& facts) noexcept;

// Returns true if `record` is a reset whose new system the next boot starts, or tries. Nothing else may be
// deployed before that.
bool is_reset_waiting(const ostree::Sysroot& sysroot, const ResetRecord& record);

// Returns what settle_reset() would do; nothing if no reset is under way. Needs no lock.
std::optional<ResetStep> pending_reset_step(const ostree::Sysroot& sysroot, bool has_passed_checks);

// Carries out the next step of the reset, if there is one, and reports it through log_info(). The sysroot
// must be locked. Durable. Idempotent: after a power cut the next call continues. `has_passed_checks` states
// that the checks of the running system have passed, or that its operator asked for a cleanup. Throws Error
// as remove_stateroot().
ResetStep settle_reset(ostree::Sysroot& sysroot, bool has_passed_checks);

// Gives up a reset whose new system does not run: withdraws its trial, and removes its deployments and the
// new stateroot. The sysroot must be locked. Idempotent. Throws Error{refused} if the new system runs.
void cancel_reset(ostree::Sysroot& sysroot, const ResetRecord& record);

}  // namespace osb::system
