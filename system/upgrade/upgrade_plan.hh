// What an upgrade does, decided in one place: `upgrade`, `switch`, both forms of --check and the unattended
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

// What the decision depends on. The facts come in three stages: those of the name (a manifest's digest, or
// the commit that a remote names), of manifest and config, and of the commit that was fetched. Where a later
// stage is not reached, its facts have their defaults.
struct UpgradeFacts {
    std::string image;                       // what is followed, for people
    std::string digest;                      // of the manifest; "" for a ref of a remote
    std::optional<ostree::CommitId> commit;  // that the name stands for
    DeploymentMatch match = DeploymentMatch::absent;
    bool next_is_followed = true;    // the next boot's system, where it matches, follows that name
    bool switches = false;           // the current system follows another name
    bool is_recorded = true;         // its origin has that digest
    bool runs_on_trial = false;      // what runs has not passed its trial yet
    bool trial_waits = false;        // another system waits for its trial
    bool trial_is_prepared = false;  // that waits, but the bootloader was not told
    bool trial_follows = false;      // that waits, and follows the same name
    std::optional<FailedTrial> failed;
    bool is_given_up = false;  // `rollback` has left it
    Release present;           // of the current system
    std::uint64_t now = 0;     // this machine's clock, in seconds since 1970
    // Of manifest and config; nothing before.
    std::optional<Release> release;
    bool is_same_system = false;  // the same version of the same files as what runs
    // Of the commit.
    bool is_fetched = false;
};

enum class UpgradeAction {
    nothing_new,
    follow,        // only the name changes that the current system follows
    withdraw,      // the name points to the running system again: a waiting trial is given up
    resume_trial,  // it is deployed: the bootloader is told (again) to try it
    refuse,
    download,  // nothing is known against it so far: to be read, and to be decided again with what that shows
    deploy,
};

enum class PlanReason {
    running,
    same_system,    // it runs, in another image
    pulled,         // it runs, and what waits for its trial is no longer what the name points to
    next_on_trial,  // the next boot tries it
    next_default,   // the next boot starts it
    prepared,       // it is deployed, and the next boot would not try it
    on_trial,       // what runs is on trial
    failed_trial,
    rolled_back,
    older_image,
    new_system,
};

struct UpgradePlan {
    UpgradeAction action = UpgradeAction::nothing_new;
    PlanReason reason = PlanReason::running;
    bool records_digest = false;  // the origin of the current system is to get the digest

    // Whether an upgrade changes what the next boot does, or what is followed.
    bool is_work() const noexcept;

    friend bool operator==(const UpgradePlan&, const UpgradePlan&) = default;
};

// Pure. The promises: what has failed is deployed only with `force`; an older one only with `allow_downgrade`
// or `switch_to`; nothing while the running system is on trial; what runs, or is next, is not deployed again;
// what was rolled back is not deployed unattended. A later stage never takes a refusal back.
UpgradePlan plan_upgrade(const UpgradeFacts& facts, const UpgradeOptions& options);

// Whether the candidate is the older one, without times that cannot be; false where its release is not known.
bool is_older(const UpgradeFacts& facts);

// "version '2' (sha256:0123456789ab)", as far as it is known; escaped.
std::string name_of(const Release& release, const std::string& digest,
                    const std::optional<ostree::CommitId>& commit);

// The plan as an error: {nothing_new} with the reason as its code, or {refused} with code and advice. Of a
// plan that is_work(): {internal}.
Error to_error(const UpgradePlan& plan, const UpgradeFacts& facts);

}  // namespace osb::system
