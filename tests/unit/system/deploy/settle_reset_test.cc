// The end of a factory reset, and its record.
#include "system/deploy/settle_reset.hh"

#include <gtest/gtest.h>

#include <string>

#include "base/error.hh"
#include "system/deploy/reset_record.hh"
#include "tests/support/test_sysroot.hh"

namespace osb::system {
namespace {

// All facts of a reset that has passed its trial in the running system.
ResetFacts passed_facts() {
    return {.is_listed = true,
            .is_default = true,
            .is_proven = true,
            .has_passed_trial = true,
            .runs = true,
            .old_runs = false,
            .is_on_trial = false,
            .has_passed_checks = true};
}

TEST(ResetSteps, TheOldStaterootGoesWhenTheNewSystemHasPassed) {
    EXPECT_EQ(next_reset_step(passed_facts()), ResetStep::complete);
    for (bool ResetFacts::*needed :
         {&ResetFacts::is_default, &ResetFacts::is_proven, &ResetFacts::has_passed_checks}) {
        ResetFacts facts = passed_facts();
        facts.*needed = false;
        EXPECT_EQ(next_reset_step(facts), ResetStep::wait);
    }
    ResetFacts facts = passed_facts();
    facts.is_on_trial = true;
    EXPECT_EQ(next_reset_step(facts), ResetStep::wait);
}

TEST(ResetSteps, ASystemThatNeverRanDoesNotReplaceTheOldOne) {
    ResetFacts facts = passed_facts();
    facts.runs = false;
    EXPECT_EQ(next_reset_step(facts), ResetStep::complete) << "a mounted disk: it has passed a trial";
    facts.has_passed_trial = false;
    EXPECT_EQ(next_reset_step(facts), ResetStep::wait);
    facts = passed_facts();
    facts.runs = false;
    facts.old_runs = true;
    EXPECT_EQ(next_reset_step(facts), ResetStep::wait) << "the old one was chosen in the menu";
}

// Every combination: what runs is never removed, and nothing is removed while the trial has no verdict.
TEST(ResetSteps, NeverRemovesTheRunningSystem) {
    for (unsigned bits = 0; bits < 256; ++bits) {
        const auto bit = [bits](unsigned number) { return ((bits >> number) & 1U) != 0; };
        const ResetFacts facts{.is_listed = bit(0),
                               .is_default = bit(1),
                               .is_proven = bit(2),
                               .has_passed_trial = bit(3),
                               .runs = bit(4),
                               .old_runs = bit(5),
                               .is_on_trial = bit(6),
                               .has_passed_checks = bit(7)};
        const ResetStep step = next_reset_step(facts);
        if (facts.runs) {
            EXPECT_NE(step, ResetStep::discard) << bits;
        }
        if (facts.old_runs || (facts.is_on_trial && facts.is_listed)) {
            EXPECT_NE(step, ResetStep::complete) << bits;
        }
        if (facts.is_listed) {
            EXPECT_NE(step, ResetStep::discard) << bits;
        }
    }
}

TEST(ResetNames, AreNumbered) {
    EXPECT_EQ(reset_name("default", 1), "default-reset-1");
    EXPECT_EQ(reset_name("default-reset-1", 2), "default-reset-2");
    EXPECT_EQ(reset_name(std::string(64, 'x'), 1), std::string(40, 'x') + "-reset-1");
    EXPECT_EQ(reset_number("default-reset-12"), 12U);
    for (const char* other :
         {"default", "default-reset-", "default-reset-0", "default-reset-1x", "-reset-1", "default-reset-01"})
        EXPECT_EQ(reset_number(other), 0U) << other;
}

class ResetRecords : public ::testing::Test {
  protected:
    test::TestSysroot disk_;
};

TEST_F(ResetRecords, AreReadAsTheyWereWritten) {
    EXPECT_FALSE(read_reset(disk_.path()));
    write_reset(disk_.path(), {.from = "default", .to = "default-reset-1", .is_tried = true, .time = 7});
    const auto record = read_reset(disk_.path());
    ASSERT_TRUE(record);
    EXPECT_EQ(record->from, "default");
    EXPECT_EQ(record->to, "default-reset-1");
    EXPECT_TRUE(record->is_tried);
    EXPECT_EQ(record->time, 7);
    EXPECT_TRUE(record->concerns("default"));
    EXPECT_FALSE(record->concerns("other"));
    remove_reset(disk_.path());
    remove_reset(disk_.path());
    EXPECT_FALSE(read_reset(disk_.path()));
}

// A record decides what is removed, so it must name two stateroots of a reset.
TEST_F(ResetRecords, MalformedOnesCountAsMissing) {
    for (const char* text :
         {"", "{", "[]", R"({"schema":1})", R"({"schema":2,"from":"a","to":"a-reset-1","time":1})",
          R"({"schema":1,"from":"a","to":"b","time":1})",
          R"({"schema":1,"from":"a-reset-1","to":"a-reset-1","time":1})",
          R"({"schema":1,"from":"../x","to":"a-reset-1","time":1})",
          R"({"schema":1,"from":"a","to":"../a-reset-1","time":1})",
          R"({"schema":1,"from":".","to":"a-reset-1","time":1})"}) {
        disk_.write("ostree/osb-oci/factory-reset.json", text);
        EXPECT_FALSE(read_reset(disk_.path())) << text;
    }
    EXPECT_THROW(write_reset(disk_.path(), {.from = "a", .to = "b"}), Error);
}

}  // namespace
}  // namespace osb::system
