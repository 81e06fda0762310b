// Decides in one place what an upgrade does. `upgrade`, `switch`, both forms of --check and the unattended
// job show this plan or carry it out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.hh"
#include "ostree/objects/commit_id.hh"
#include "system/deploy/deployment_match.hh"
#include "system/trial/trial.hh"
#include "system/upgrade/release_order.hh"
#include "system/upgrade/upgrade_options.hh"

namespace osb::system {

// The facts that the decision depends on. They come in three stages: the name (a manifest's digest, or the
// commit that a remote names), the manifest and config, and the fetched commit. If a later stage was not
// reached, its facts have their defaults.
struct UpgradeFacts {
    std::string image;                       // the followed name, for messages
    std::string digest;                      // of the manifest; "" for a ref of a remote
    std::optional<ostree::CommitId> commit;  // the commit that the name points to
    DeploymentMatch match = DeploymentMatch::absent;
    bool next_is_followed = true;    // the next boot's system, if it matches, follows that name
    bool switches = false;           // the current system follows another name
    bool is_recorded = true;         // the origin of the current system has that digest
    bool runs_on_trial = false;      // the running system has not passed its trial yet
    bool trial_waits = false;        // another system waits for its trial
    bool trial_is_prepared = false;  // that system waits, but the bootloader is not armed
    bool trial_follows = false;      // that system waits, and follows the same name
    std::optional<FailedTrial> failed;
    bool is_given_up = false;  // `rollback` left it
    Release present;           // of the current system
    std::uint64_t now = 0;     // this machine's clock, in seconds since 1970
    // From manifest and config; nothing before that stage.
    std::optional<Release> release;
    bool is_same_system = false;  // same version and same files as the running system
    // From the commit.
    bool is_fetched = false;
};

// The action of an upgrade.
enum class UpgradeAction {
    nothing_new,
    follow,        // only the name that the current system follows changes
    withdraw,      // the name points to the running system again: a waiting trial is given up
    resume_trial,  // it is deployed; the bootloader is armed (again) to try it
    refuse,
    download,  // no objection so far: read the image, then decide again
    deploy,
};

// The reason for the action.
enum class PlanReason {
    running,
    same_system,    // it runs, in another image
    pulled,         // it runs, and the name no longer points to the system that waits for its trial
    next_on_trial,  // the next boot tries it
    next_default,   // the next boot starts it
    prepared,       // it is deployed, and the next boot would not try it
    on_trial,       // the running system is on trial
    failed_trial,
    rolled_back,
    older_image,
    new_system,
};

// An action with its reason.
struct UpgradePlan {
    UpgradeAction action = UpgradeAction::nothing_new;
    PlanReason reason = PlanReason::running;
    bool records_digest = false;  // the origin of the current system must get the digest

    // Returns true if an upgrade changes what the next boot starts, or the followed name.
    bool is_work() const noexcept;

    friend bool operator==(const UpgradePlan&, const UpgradePlan&) = default;
};

// Plans an upgrade. Pure. Guarantees:
// - A system that failed its trial is deployed only with `force`.
// - An older system is deployed only with `allow_downgrade` or `switch_to`.
// - Nothing is deployed while the running system is on trial.
// - A system that runs, or that the next boot starts, is not deployed again.
// - A system that was rolled back is not deployed unattended.
// - A later stage never revokes a refusal.
UpgradePlan plan_upgrade(const UpgradeFacts& facts, const UpgradeOptions& options);

// Returns true if the candidate is older, after impossible times are ignored. False if its release is not
// known.
bool is_older(const UpgradeFacts& facts);

// Returns a warning if the followed image was built more than `options.max_age` days ago. That happens if
// somebody holds updates back, or if the image is no longer published there. nullopt if it is not older, or
// if its time is not known. Pure.
std::optional<std::string> warning_of_age(const UpgradeFacts& facts, const UpgradeOptions& options);

// Returns the name for messages: "version '2' (sha256:0123456789ab)", as far as it is known; escaped.
std::string name_of(const Release& release, const std::string& digest,
                    const std::optional<ostree::CommitId>& commit);

// Returns the plan as an error: {nothing_new} with the reason as its code, or {refused} with code and advice.
// Returns {internal} for a plan that is_work().
Error to_error(const UpgradePlan& plan, const UpgradeFacts& facts);

}  // namespace osb::system
