// The table of the trial: every combination of facts for its promises, and every history of a small model of
// a machine, with a power cut after every step.
#include "system/trial/trial_rules.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <tuple>

namespace osb::system {
namespace {

constexpr std::array kEvents{TrialEvent::green,   TrialEvent::red,      TrialEvent::resume,
                             TrialEvent::replace, TrialEvent::rollback, TrialEvent::cleanup};

template<typename Visit>
void for_all_facts(const Visit& visit) {
    for (const auto record : {RecordFact::none, RecordFact::prepared, RecordFact::armed, RecordFact::passed})
        for (const auto running : {RunningFact::tried, RunningFact::other})
            for (const auto progress : {ProgressFact::to_come, ProgressFact::unknown, ProgressFact::started,
                                        ProgressFact::repeated, ProgressFact::judged})
                for (const auto listed : {ListedFact::yes, ListedFact::no})
                    for (const auto retry : {RetryFact::allowed, RetryFact::used_up})
                        for (const auto other : {OtherFact::exists, OtherFact::none})
                            for (const auto unproven : {UnprovenFact::yes, UnprovenFact::no})
                                for (const TrialEvent event : kEvents)
                                    visit(
                                        TrialFacts{record, running, progress, listed, retry, other, unproven},
                                        event);
}

bool has(const TrialRule& rule, TrialStep step) {
    return std::find(rule.steps.begin(), rule.steps.end(), step) != rule.steps.end();
}

bool before(const TrialRule& rule, TrialStep first, TrialStep second) {
    return std::find(rule.steps.begin(), rule.steps.end(), first) <
           std::find(rule.steps.begin(), rule.steps.end(), second);
}

TEST(TrialRules, EveryCombinationHasARuleAndEveryRuleIsUsed) {
    std::set<std::string_view> used;
    for_all_facts(
        [&](const TrialFacts& facts, TrialEvent event) { used.insert(find_trial_rule(facts, event).name); });
    for (const TrialRule& rule : trial_rules()) EXPECT_TRUE(used.contains(rule.name)) << rule.name;
    EXPECT_EQ(used.size(), trial_rules().size());
}

TEST(TrialRules, OnlyPassedChecksMakeADefault) {
    for_all_facts([](const TrialFacts& facts, TrialEvent event) {
        const TrialRule& rule = find_trial_rule(facts, event);
        if (has(rule, TrialStep::make_default)) {
            EXPECT_TRUE(facts.record == RecordFact::passed ||
                        (event == TrialEvent::green && facts.running == RunningFact::tried))
                << rule.name;
            EXPECT_NE(facts.listed, ListedFact::no) << rule.name;
        }
        if (has(rule, TrialStep::mark_proven) && facts.record != RecordFact::passed) {
            EXPECT_EQ(event, TrialEvent::green) << rule.name;
        }
    });
}

TEST(TrialRules, AMachineOnlyRestartsIfAnotherSystemCanStart) {
    for_all_facts([](const TrialFacts& facts, TrialEvent event) {
        const TrialRule& rule = find_trial_rule(facts, event);
        if (!rule.restart) return;
        EXPECT_EQ(facts.other, OtherFact::exists) << rule.name;
        EXPECT_EQ(facts.running, RunningFact::tried) << rule.name;
        EXPECT_TRUE(event == TrialEvent::green || event == TrialEvent::red) << rule.name;
        EXPECT_TRUE(has(rule, TrialStep::clear_boot_once)) << rule.name;
    });
}

TEST(TrialRules, WhatIsNotKnownIsNotAFailure) {
    for_all_facts([](const TrialFacts& facts, TrialEvent event) {
        if (facts.progress != ProgressFact::unknown || facts.running == RunningFact::tried) return;
        EXPECT_FALSE(has(find_trial_rule(facts, event), TrialStep::record_failure));
    });
}

TEST(TrialRules, TheOrderOfStepsSurvivesAPowerCut) {
    for (const TrialRule& rule : trial_rules()) {
        const auto expect_order = [&](TrialStep first, TrialStep second) {
            if (!has(rule, first) || !has(rule, second)) return;
            EXPECT_TRUE(before(rule, first, second)) << rule.name;
        };
        // The label must start the right system before the bootloader is told, and be told before it counts.
        if (has(rule, TrialStep::set_boot_once)) {
            EXPECT_TRUE(has(rule, TrialStep::write_menu)) << rule.name;
            EXPECT_TRUE(has(rule, TrialStep::verify_boot_files)) << rule.name;
        }
        expect_order(TrialStep::write_menu, TrialStep::set_boot_once);
        expect_order(TrialStep::verify_boot_files, TrialStep::set_boot_once);
        expect_order(TrialStep::set_boot_once, TrialStep::set_armed);
        expect_order(TrialStep::set_passed, TrialStep::make_default);
        expect_order(TrialStep::sync_disks, TrialStep::set_passed);
        expect_order(TrialStep::record_failure, TrialStep::remove_record);
        expect_order(TrialStep::clear_boot_once, TrialStep::remove_record);
        expect_order(TrialStep::drop_deployment, TrialStep::remove_record);
        // A verdict is only forgotten when everything that follows from it is done.
        expect_order(TrialStep::make_default, TrialStep::remove_record);
        expect_order(TrialStep::mark_proven, TrialStep::remove_record);
    }
}

TEST(TrialRules, AreThoseOfTheDocumentation) {
    std::ifstream file(std::string(OSB_SOURCE_DIR) + "/docs/boot.md");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_NE(text.find("```text\n" + trial_rules_text() + "```\n"), std::string::npos)
        << "docs/boot.md must have this table:\n```text\n"
        << trial_rules_text() << "```";
}

// A machine with an old system, which is proven, and a new one on trial.
struct Machine {
    RecordFact record = RecordFact::prepared;
    int attempt = 1;
    bool stage = false;  // the initramfs has noted a start of this try
    bool repeated = false;
    bool boot_once = false;       // the bootloader starts the label `trial` once
    bool menu_has_trial = false;  // the label `trial` starts the new system, with the id of this try
    bool listed = true;
    bool new_is_default = false;
    bool failed = false;  // failed.json has the new system
    bool untried = true;  // its mark
    bool runs_new = false;
    bool armed_here = false;  // in this boot
    bool panic = false;       // the last boot left a panic record

    // What really happened. The table does not see this.
    bool was_green = false;
    bool was_red = false;
    int starts = 0;
    bool is_over = false;  // decided once: no start may follow a failure

    auto key() const {
        return std::tuple(record, attempt, stage, repeated, boot_once, menu_has_trial, listed, new_is_default,
                          failed, untried, runs_new, armed_here, panic, was_green, was_red, starts, is_over);
    }
    bool operator<(const Machine& other) const { return key() < other.key(); }

    TrialFacts facts() const {
        TrialFacts out;
        out.unproven =
            runs_new && new_is_default && untried && !failed ? UnprovenFact::yes : UnprovenFact::no;
        out.record = record;
        if (record == RecordFact::none) return out;
        out.running = runs_new ? RunningFact::tried : RunningFact::other;
        out.listed = listed ? ListedFact::yes : ListedFact::no;
        out.retry = attempt < 2 && !panic ? RetryFact::allowed : RetryFact::used_up;
        if (failed) {
            out.progress = ProgressFact::judged;
        } else if (stage || repeated) {
            out.progress = repeated ? ProgressFact::repeated : ProgressFact::started;
        } else if (record == RecordFact::armed && !armed_here && !boot_once) {
            out.progress = ProgressFact::started;
        }
        return out;
    }

    void apply(TrialStep step) {
        switch (step) {
            case TrialStep::sync_disks:
            case TrialStep::verify_boot_files:
                break;
            case TrialStep::set_prepared:
                record = RecordFact::prepared;
                break;
            case TrialStep::set_retry:
                record = RecordFact::prepared;
                ++attempt;
                stage = repeated = menu_has_trial = false;
                break;
            case TrialStep::set_armed:
                record = RecordFact::armed;
                armed_here = true;
                break;
            case TrialStep::set_passed:
                record = RecordFact::passed;
                break;
            case TrialStep::record_failure:
                failed = true;
                break;
            case TrialStep::forget_failures:
                failed = false;
                break;
            case TrialStep::mark_proven:
                untried = false;
                break;
            case TrialStep::make_default:
                new_is_default = true;
                break;
            case TrialStep::keep_default:
                new_is_default = false;
                break;
            case TrialStep::drop_deployment:
                listed = false;
                break;
            case TrialStep::write_menu:
                menu_has_trial = record == RecordFact::prepared || record == RecordFact::armed;
                break;
            case TrialStep::set_boot_once:
                boot_once = true;
                break;
            case TrialStep::clear_boot_once:
                boot_once = false;
                break;
            case TrialStep::remove_record:
                record = RecordFact::none;
                stage = repeated = false;
                break;
        }
    }
};

// How a start of the machine goes.
enum class Fate { dies_early, dies_late, panics, green, red };

// All states that the machine can come into, from a deployment that was just made.
class Histories {
  public:
    void explore(const Machine& first) {
        add(first);
        while (!open_.empty()) {
            const Machine machine = open_.front();
            open_.pop_front();
            for (const TrialEvent event : kEvents) run(machine, event);
            for (const Fate fate : {Fate::dies_early, Fate::dies_late, Fate::panics, Fate::green, Fate::red})
                add_start(machine, fate);
        }
    }
    const std::set<Machine>& seen() const { return seen_; }

  private:
    void add(const Machine& machine) {
        if (machine.starts <= kMaxStarts && seen_.insert(machine).second) open_.push_back(machine);
    }
    // Power may fail after any step.
    void run(Machine machine, TrialEvent event) {
        if ((event == TrialEvent::green || event == TrialEvent::red) && machine.runs_new) {
            machine.was_green |= event == TrialEvent::green;
            machine.was_red |= event == TrialEvent::red;
        }
        const TrialRule& rule = find_trial_rule(machine.facts(), event);
        for (const TrialStep step : rule.steps) {
            machine.apply(step);
            Machine cut = machine;
            add(cut);
        }
        if (rule.verdict == TrialVerdict::failed) machine.is_over = true;
        add(machine);
    }
    // The loader clears its boot-once and starts the label, or starts its default.
    void add_start(Machine machine, Fate fate) {
        const bool is_trial = machine.boot_once && machine.menu_has_trial && machine.listed;
        machine.boot_once = machine.armed_here = machine.panic = false;
        machine.runs_new = is_trial || machine.new_is_default;
        if (is_trial) {
            ++machine.starts;
            if (fate != Fate::dies_early) machine.stage = true;
            machine.panic = fate == Fate::panics;
            EXPECT_FALSE(machine.is_over) << "a trial that is over was started";
        }
        if (fate == Fate::dies_early || fate == Fate::dies_late || fate == Fate::panics) {
            // The next start begins from here; the system that died decides nothing.
            machine.runs_new = false;
            if (!is_trial) return;
            add(machine);
            return;
        }
        add(machine);
        run(machine, fate == Fate::green ? TrialEvent::green : TrialEvent::red);
    }

    static constexpr int kMaxStarts = 4;
    std::set<Machine> seen_;
    std::deque<Machine> open_;
};

class TrialHistories : public ::testing::Test {
  protected:
    static const std::set<Machine>& states() {
        static const Histories kAll = [] {
            Histories all;
            all.explore({});
            return all;
        }();
        return kAll.seen();
    }
};

TEST_F(TrialHistories, AreMany) {
    EXPECT_GT(states().size(), 100U);
}

TEST_F(TrialHistories, NothingUnprovenIsEverTheDefault) {
    for (const Machine& machine : states()) {
        EXPECT_TRUE(!machine.new_is_default || machine.was_green);
    }
}

TEST_F(TrialHistories, WhatHasFailedIsNotStartedAgain) {
    for (const Machine& machine : states()) {
        if (machine.failed && machine.record == RecordFact::none) {
            EXPECT_FALSE(machine.boot_once && machine.menu_has_trial);
            EXPECT_FALSE(machine.new_is_default);
        }
    }
}

// From every state, starts of the old system with nothing else happening come to a rest, and the same again
// changes nothing then.
TEST_F(TrialHistories, TheOldSystemBringsEverythingInOrder) {
    for (Machine machine : states()) {
        for (int i = 0; i < 6; ++i) {
            machine.armed_here = machine.boot_once = machine.panic = false;  // a start that died unseen
            machine.runs_new = false;
            for (const TrialStep step : find_trial_rule(machine.facts(), TrialEvent::green).steps)
                machine.apply(step);
        }
        EXPECT_EQ(machine.record, RecordFact::none);
        EXPECT_FALSE(machine.boot_once);
        EXPECT_FALSE(machine.menu_has_trial);
        const Machine before = machine;
        for (const TrialStep step : find_trial_rule(machine.facts(), TrialEvent::green).steps)
            machine.apply(step);
        EXPECT_EQ(machine.key(), before.key());
    }
}

// A trial that dies unseen is started twice, not more.
TEST(TrialRetry, IsOne) {
    Machine machine;
    int starts = 0;
    for (int i = 0; i < 10 && machine.record != RecordFact::none; ++i) {
        for (const TrialStep step : find_trial_rule(machine.facts(), TrialEvent::green).steps)
            machine.apply(step);
        if (machine.boot_once && machine.menu_has_trial) ++starts;
        machine.boot_once = machine.armed_here = false;  // it was started, and power failed
    }
    EXPECT_EQ(starts, 2);
    EXPECT_TRUE(machine.failed);
}

}  // namespace
}  // namespace osb::system
