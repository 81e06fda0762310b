#include "system/trial/trial_rules.hh"

#include <array>

#include "base/bytes.hh"
#include "base/error.hh"

namespace osb::system {
namespace {

using Step = TrialStep;
using Event = TrialEvent;
using Record = RecordFact;
using Running = RunningFact;
using Progress = ProgressFact;

constexpr FactSet<Event> kChecked{Event::green, Event::red};

using Steps = std::vector<TrialStep>;

// The failure is recorded first, so that the remaining steps can be completed after a power cut.
Steps fail() {
    return {Step::record_failure, Step::clear_boot_once, Step::keep_default, Step::remove_record,
            Step::write_menu};
}

// The menu has the trial's id before the bootloader is armed, and the record follows last.
Steps arm() {
    return {Step::write_menu, Step::verify_boot_files, Step::set_boot_once, Step::set_armed};
}

Steps forget() {
    return {Step::clear_boot_once, Step::remove_record, Step::write_menu};
}

Steps promote() {
    return {Step::make_default,    Step::write_menu,      Step::mark_proven,
            Step::clear_boot_once, Step::forget_failures, Step::remove_record};
}

Steps joined(Steps first, const Steps& then) {
    first.insert(first.end(), then.begin(), then.end());
    return first;
}

// Nothing is on trial, or its verdict is known and was interrupted.
std::vector<TrialRule> settled_rules() {
    return {
        {.name = "no trial, and the running default has not been proven: its checks prove it",
         .event = FactSet<Event>{Event::green},
         .record = FactSet<Record>{Record::none},
         .unproven = FactSet<UnprovenFact>{UnprovenFact::yes},
         .steps = joined({Step::mark_proven}, forget())},
        {.name = "no trial: the bootloader starts its default",
         .record = FactSet<Record>{Record::none},
         .steps = forget()},
        {.name = "the deployment on trial was removed: the trial is forgotten",
         .listed = FactSet<ListedFact>{ListedFact::no},
         .steps = forget(),
         .verdict = TrialVerdict::withdrawn},
        {.name = "a passed trial is completed",
         .record = FactSet<Record>{Record::passed},
         .steps = promote(),
         .verdict = TrialVerdict::passed},
        {.name = "a failed trial is completed, in the failed system",
         .event = kChecked,
         .running = FactSet<Running>{Running::tried},
         .progress = FactSet<Progress>{Progress::judged},
         .other = FactSet<OtherFact>{OtherFact::exists},
         .steps = fail(),
         .verdict = TrialVerdict::failed,
         .restart = true},
        {.name = "a failed trial is completed",
         .progress = FactSet<Progress>{Progress::judged},
         .steps = fail(),
         .verdict = TrialVerdict::failed},
    };
}

// The system on trial runs.
std::vector<TrialRule> running_rules() {
    const FactSet<Running> tried{Running::tried};
    return {
        {.name = "the bootloader repeats the trial: it has failed",
         .event = kChecked,
         .running = tried,
         .progress = FactSet<Progress>{Progress::repeated},
         .other = FactSet<OtherFact>{OtherFact::exists},
         .steps = fail(),
         .verdict = TrialVerdict::failed,
         .restart = true},
        {.name = "the checks pass: the new system becomes the default",
         .event = FactSet<Event>{Event::green},
         .running = tried,
         .progress = FactSet<Progress>{Progress::to_come, Progress::unknown, Progress::started},
         .steps = joined({Step::sync_disks, Step::set_passed}, promote()),
         .verdict = TrialVerdict::passed},
        {.name = "a check fails: the machine restarts into the other system",
         .event = FactSet<Event>{Event::red},
         .running = tried,
         .other = FactSet<OtherFact>{OtherFact::exists},
         .steps = fail(),
         .verdict = TrialVerdict::failed,
         .restart = true},
        {.name = "the trial fails and there is no other system: it goes on, and the trial ends",
         .event = kChecked,
         .running = tried,
         .steps = forget(),
         .verdict = TrialVerdict::failed},
        {.name = "the operator rolls the running trial back",
         .event = FactSet<Event>{Event::rollback},
         .running = tried,
         .other = FactSet<OtherFact>{OtherFact::exists},
         .steps = fail(),
         .verdict = TrialVerdict::failed},
        {.name = "the system on trial runs: only its checks or a rollback decide",
         .running = tried,
         .steps = {},
         .verdict = TrialVerdict::to_come},
    };
}

// Another system runs, and the trial is undecided.
std::vector<TrialRule> waiting_rules() {
    const FactSet<Progress> not_started{Progress::to_come, Progress::unknown};
    const FactSet<Event> given_up{Event::replace, Event::rollback};
    const Steps withdraw{Step::set_prepared, Step::clear_boot_once, Step::drop_deployment,
                         Step::remove_record, Step::write_menu};
    return {
        {.name = "the waiting trial is given up for another deployment, or by the operator",
         .event = given_up,
         .progress = not_started,
         .steps = withdraw,
         .verdict = TrialVerdict::withdrawn},
        {.name = "so is a trial that ended without a verdict and could be tried again",
         .event = given_up,
         .progress = FactSet<Progress>{Progress::started},
         .retry = FactSet<RetryFact>{RetryFact::allowed},
         .steps = withdraw,
         .verdict = TrialVerdict::withdrawn},
        {.name = "cleanup leaves a waiting trial alone",
         .event = FactSet<Event>{Event::cleanup},
         .steps = {},
         .verdict = TrialVerdict::to_come},
        {.name = "the waiting trial is armed again on request",
         .event = FactSet<Event>{Event::resume},
         .progress = not_started,
         .steps = arm(),
         .verdict = TrialVerdict::to_come},
        {.name = "the trial was not armed: it is armed now",
         .record = FactSet<Record>{Record::prepared},
         .progress = not_started,
         .steps = arm(),
         .verdict = TrialVerdict::to_come},
        {.name = "the trial is armed and still to come",
         .progress = not_started,
         .steps = {},
         .verdict = TrialVerdict::to_come},
        {.name = "the trial ended without a verdict: it gets one more try",
         .progress = FactSet<Progress>{Progress::started},
         .retry = FactSet<RetryFact>{RetryFact::allowed},
         .steps = joined({Step::set_retry}, arm()),
         .verdict = TrialVerdict::to_come},
        {.name = "the trial ended in a panic, a second time, or was repeated: it has failed",
         .steps = fail(),
         .verdict = TrialVerdict::failed},
    };
}

std::vector<TrialRule> all_rules() {
    std::vector<TrialRule> out = settled_rules();
    for (const auto& more : {running_rules(), waiting_rules()})
        out.insert(out.end(), more.begin(), more.end());
    return out;
}

constexpr std::array<std::string_view, 6> kEvents{"green", "red", "resume", "replace", "rollback", "cleanup"};
constexpr std::array<std::string_view, 4> kRecords{"none", "prepared", "armed", "passed"};
constexpr std::array<std::string_view, 2> kRunning{"tried", "other"};
constexpr std::array<std::string_view, 5> kProgress{"to_come", "unknown", "started", "repeated", "judged"};
constexpr std::array<std::string_view, 2> kYesNo{"yes", "no"};
constexpr std::array<std::string_view, 2> kRetry{"allowed", "used_up"};
constexpr std::array<std::string_view, 2> kOther{"exists", "none"};
constexpr std::array<std::string_view, 5> kVerdicts{"none", "to-come", "passed", "failed", "withdrawn"};
constexpr std::array<std::string_view, 16> kSteps{
    "sync_disks",        "set_prepared",   "set_retry",       "set_armed",
    "set_passed",        "record_failure", "forget_failures", "mark_proven",
    "make_default",      "keep_default",   "drop_deployment", "write_menu",
    "verify_boot_files", "set_boot_once",  "clear_boot_once", "remove_record"};

template<typename Value, std::size_t N>
void add_fact(std::string& line, std::string_view fact, const FactSet<Value>& set,
              const std::array<std::string_view, N>& names) {
    if (set.is_any()) return;
    std::string values;
    for (std::size_t i = 0; i < N; ++i) {
        if (set.contains(static_cast<Value>(i))) values += concat(values.empty() ? "" : "|", names[i]);
    }
    line += concat(line.empty() ? "" : " ", fact, '=', values);
}

std::string steps_text(const std::vector<TrialStep>& steps) {
    constexpr std::size_t kWidth = 88;
    std::string out;
    std::string line;
    for (const TrialStep step : steps) {
        if (line.size() + to_string(step).size() > kWidth) {
            out += line + ",\n        ";
            line.clear();
        }
        line += concat(line.empty() ? "" : ", ", to_string(step));
    }
    return out + line;
}

}  // namespace

bool TrialRule::applies(const TrialFacts& facts, TrialEvent now) const {
    return event.contains(now) && record.contains(facts.record) && running.contains(facts.running) &&
           progress.contains(facts.progress) && listed.contains(facts.listed) &&
           retry.contains(facts.retry) && other.contains(facts.other) && unproven.contains(facts.unproven);
}

std::span<const TrialRule> trial_rules() {
    static const std::vector<TrialRule> kRules = all_rules();
    return kRules;
}

const TrialRule& find_trial_rule(const TrialFacts& facts, TrialEvent event) {
    for (const TrialRule& rule : trial_rules()) {
        if (rule.applies(facts, event)) return rule;
    }
    throw Error(ErrorKind::internal, "no rule for this state of the trial");
}

std::string_view to_string(TrialVerdict verdict) noexcept {
    return kVerdicts.at(static_cast<std::size_t>(verdict));
}

std::string_view to_string(TrialStep step) noexcept {
    return kSteps.at(static_cast<std::size_t>(step));
}

std::string trial_rules_text() {
    std::string out;
    for (const TrialRule& rule : trial_rules()) {
        std::string when;
        add_fact(when, "event", rule.event, kEvents);
        add_fact(when, "record", rule.record, kRecords);
        add_fact(when, "running", rule.running, kRunning);
        add_fact(when, "progress", rule.progress, kProgress);
        add_fact(when, "listed", rule.listed, kYesNo);
        add_fact(when, "retry", rule.retry, kRetry);
        add_fact(when, "other", rule.other, kOther);
        add_fact(when, "unproven", rule.unproven, kYesNo);
        out += concat(rule.name, "\n  when  ", when.empty() ? "anything else" : when, "\n  do    ",
                      rule.steps.empty() ? "nothing" : steps_text(rule.steps), "\n  then  ",
                      to_string(rule.verdict), rule.restart ? ", restart" : "", "\n\n");
    }
    out.pop_back();
    return out;
}

}  // namespace osb::system
