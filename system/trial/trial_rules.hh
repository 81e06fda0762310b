// The rules of a trial as one table (docs/boot.md, "The table of the trial"). A rule lists the steps for an
// event under certain facts. Everything in this file is pure and reads no files. trial_observation.hh reads
// the facts of a sysroot, and advance_trial.hh applies the steps.
//
// Thread-safe: the table is constant.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace osb::system {

// An event that a rule reacts to.
enum class TrialEvent : std::uint8_t {
    green,     // the running system passed its required checks
    red,       // the running system failed a required check
    resume,    // `upgrade` names the system that already waits for its trial
    replace,   // another deployment is about to be made
    rollback,  // the operator requested it
    cleanup,   // unused deployments are about to be removed
};

// The state in trial.json.
enum class RecordFact : std::uint8_t {
    none,      // no deployment is on trial
    prepared,  // deployed; the bootloader may not be armed yet
    armed,     // the bootloader was told to start it once
    passed,    // its checks passed; it is being made the default
};

// The system that runs. A sysroot that is only mounted counts as `other`.
enum class RunningFact : std::uint8_t { tried, other };

// The progress of the trial.
enum class ProgressFact : std::uint8_t {
    to_come,   // it has not been started
    unknown,   // it was due to start, and the bootloader's data cannot be read
    started,   // it was started and reached no verdict
    repeated,  // the bootloader started it again without being told to
    judged,    // its failure is recorded already: a change was interrupted after that
};

// Whether the deployment on trial is in the boot entries.
enum class ListedFact : std::uint8_t { yes, no };

// Whether a trial without a verdict is repeated. It is not repeated after a kernel panic or after a second
// try.
enum class RetryFact : std::uint8_t { allowed, used_up };

// Whether the boot entries have a deployment besides the one on trial.
enum class OtherFact : std::uint8_t { exists, none };

// Whether the running system is the default, is marked as untried, and has no failure on record.
enum class UnprovenFact : std::uint8_t { yes, no };

// The facts that select a rule.
struct TrialFacts {
    RecordFact record = RecordFact::none;
    RunningFact running = RunningFact::other;
    ProgressFact progress = ProgressFact::to_come;
    ListedFact listed = ListedFact::yes;
    RetryFact retry = RetryFact::allowed;
    OtherFact other = OtherFact::exists;
    UnprovenFact unproven = UnprovenFact::no;
};

// One durable change. Each is idempotent: after an interruption it can be carried out again.
enum class TrialStep : std::uint8_t {
    sync_disks,         // the disk has all data that the checks judged
    set_prepared,       // trial.json: prepared
    set_retry,          // trial.json: prepared, with a new id, for the last try
    set_armed,          // trial.json: armed, in this boot
    set_passed,         // trial.json: passed
    record_failure,     // failed.json has the deployment and the reason
    forget_failures,    // failed.json has no failure of this image
    mark_proven,        // the origin file has no mark `untried`
    make_default,       // the deployment on trial is first in the boot entries
    keep_default,       // the deployment on trial is not first in the boot entries
    drop_deployment,    // the deployment on trial is not in the boot entries, unless it is pinned
    write_menu,         // the menu matches boot entries and trial.json
    verify_boot_files,  // kernel and initramfs in BOOT are those of the deployment
    set_boot_once,      // the bootloader starts the label `trial` once
    clear_boot_once,    // the bootloader starts its default
    remove_record,      // trial.json and trial-stage are gone
};

// The result of a rule.
enum class TrialVerdict : std::uint8_t {
    none,       // nothing is on trial
    to_come,    // a later boot starts it
    passed,     // it is the default now
    failed,     // it ended without passing
    withdrawn,  // it was given up before it had another verdict
};

// A set of values of one fact. An empty list of values means any value.
template<typename Value>
class FactSet {
  public:
    template<std::same_as<Value>... Values>
    constexpr explicit FactSet(Values... values)
        : bits_(((1U << static_cast<unsigned>(values)) | ... | 0U)) {}
    constexpr bool is_any() const { return bits_ == 0; }
    constexpr bool contains(Value value) const {
        return is_any() || ((bits_ >> static_cast<unsigned>(value)) & 1U) != 0;
    }

  private:
    unsigned bits_;
};

// One row of the table: conditions, steps and verdict.
struct TrialRule {
    std::string_view name;  // one sentence, for docs/boot.md and log_debug()
    FactSet<TrialEvent> event{};
    FactSet<RecordFact> record{};
    FactSet<RunningFact> running{};
    FactSet<ProgressFact> progress{};
    FactSet<ListedFact> listed{};
    FactSet<RetryFact> retry{};
    FactSet<OtherFact> other{};
    FactSet<UnprovenFact> unproven{};
    std::vector<TrialStep> steps{};  // in this order
    TrialVerdict verdict = TrialVerdict::none;
    bool restart = false;  // the machine restarts when the steps are done

    bool applies(const TrialFacts& facts, TrialEvent event) const;
};

// Returns the table. The first rule that applies wins. The table has static lifetime.
std::span<const TrialRule> trial_rules();

// Returns the rule for these facts. Every combination has one. The reference has static lifetime.
const TrialRule& find_trial_rule(const TrialFacts& facts, TrialEvent event);

// Returns the word for JSON: "none", "to-come", "passed", "failed", "withdrawn".
std::string_view to_string(TrialVerdict verdict) noexcept;
std::string_view to_string(TrialStep step) noexcept;

// Returns the table as text, in the form of docs/boot.md.
std::string trial_rules_text();

}  // namespace osb::system
