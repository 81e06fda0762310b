// What an upgrade does, over all combinations of the facts and options that it depends on.
#include "system/upgrade/upgrade_plan.hh"

#include <gtest/gtest.h>

#include <functional>

#include "tests/support/test_sysroot.hh"

namespace osb::system {
namespace {

// A set of switches, of which each number is one combination.
class Bits {
  public:
    explicit Bits(unsigned number) : left_(number) {}
    unsigned take(unsigned choices) {
        const unsigned out = left_ % choices;
        left_ /= choices;
        return out;
    }
    bool flag() { return take(2) == 1; }
    // All choices were taken from the number.
    bool is_whole() const { return left_ == 0; }

  private:
    unsigned left_;
};

struct Case {
    UpgradeFacts facts;
    UpgradeOptions options;
};

enum class Stage { name, config, commit };

bool is_in_range(Bits& bits, Case& out, Stage stage) {
    UpgradeFacts& facts = out.facts;
    facts.image = "docker://quay.io/x/os:1";
    facts.digest = "sha256:" + std::string(64, 'd');
    facts.present = {"2", 200};
    facts.now = 1000;
    facts.match = static_cast<DeploymentMatch>(bits.take(4));
    facts.next_is_followed = bits.flag();
    facts.switches = bits.flag();
    facts.is_recorded = !facts.switches;
    facts.runs_on_trial = bits.flag();
    facts.trial_waits = bits.flag();
    facts.trial_is_prepared = bits.flag();
    facts.trial_follows = facts.trial_waits && bits.flag();
    if (bits.flag())
        facts.failed = FailedTrial{.deployment = test::TestSysroot::no_deployment().id, .reason = "hung"};
    facts.is_given_up = bits.flag();
    if (facts.switches) out.options.switch_to = "quay.io/x/os:1";
    out.options.allow_downgrade = bits.flag();
    out.options.force = bits.flag();
    out.options.download_only = bits.flag();
    out.options.unattended = bits.flag();
    if (stage == Stage::name) return bits.is_whole();
    facts.release = bits.flag() ? Release{"3", 300} : Release{"1", 300};
    facts.is_same_system = bits.flag();
    facts.is_fetched = stage == Stage::commit;
    return bits.is_whole();
}

void for_all(Stage stage, const std::function<void(const Case&)>& check) {
    for (unsigned number = 0;; ++number) {
        Case one;
        Bits bits(number);
        if (!is_in_range(bits, one, stage)) {
            ASSERT_GT(number, 4000U);
            return;
        }
        check(one);
        if (::testing::Test::HasFailure()) {
            FAIL() << "combination " << number;
        }
    }
}

void for_all(const std::function<void(const Case&)>& check) {
    for (const Stage stage : {Stage::name, Stage::config, Stage::commit}) for_all(stage, check);
}

// Whether something would be fetched or deployed.
bool goes_on(const UpgradePlan& plan) {
    return plan.action == UpgradeAction::download || plan.action == UpgradeAction::deploy;
}

TEST(UpgradePlan, WhatFailedIsDeployedOnlyByForce) {
    for_all([](const Case& one) {
        if (one.facts.failed && !one.options.force) {
            EXPECT_FALSE(goes_on(plan_upgrade(one.facts, one.options)));
        }
    });
}

TEST(UpgradePlan, AnOlderOneIsDeployedOnlyWhereThatIsAllowed) {
    for_all([](const Case& one) {
        if (is_older(one.facts) && !one.options.allow_downgrade && one.options.switch_to.empty()) {
            EXPECT_FALSE(goes_on(plan_upgrade(one.facts, one.options)));
        }
    });
}

TEST(UpgradePlan, NothingIsDeployedWhileTheRunningSystemIsOnTrial) {
    for_all([](const Case& one) {
        if (one.facts.runs_on_trial) {
            EXPECT_FALSE(goes_on(plan_upgrade(one.facts, one.options)));
        }
    });
}

TEST(UpgradePlan, WhatWasRolledBackIsDeployedByHandAlone) {
    for_all([](const Case& one) {
        UpgradeOptions options = one.options;
        options.unattended = false;
        const UpgradePlan by_hand = plan_upgrade(one.facts, options);
        options.unattended = true;
        const UpgradePlan unattended = plan_upgrade(one.facts, options);
        if (!one.facts.is_given_up) {
            EXPECT_EQ(by_hand, unattended);
        } else {
            EXPECT_FALSE(goes_on(unattended));
            if (goes_on(by_hand)) {
                EXPECT_EQ(unattended.reason, PlanReason::rolled_back);
            }
        }
    });
}

TEST(UpgradePlan, TheSameAgainIsNothingNew) {
    for_all([](const Case& one) {
        const UpgradePlan plan = plan_upgrade(one.facts, one.options);
        const UpgradeFacts& facts = one.facts;
        const bool is_next =
            facts.match != DeploymentMatch::absent && facts.match != DeploymentMatch::current;
        if (facts.match == DeploymentMatch::current || (is_next && facts.next_is_followed)) {
            EXPECT_FALSE(goes_on(plan));
            EXPECT_NE(plan.action, UpgradeAction::refuse);
        }
        if (facts.is_same_system && !facts.trial_waits) {
            EXPECT_FALSE(goes_on(plan));
        }
        if (facts.match == DeploymentMatch::current && !facts.switches) {
            // A bad release was pulled: the tag points to the running system again.
            const bool is_pulled = facts.trial_follows && !one.options.download_only;
            EXPECT_EQ(plan.action, is_pulled ? UpgradeAction::withdraw : UpgradeAction::nothing_new);
            EXPECT_EQ(plan.is_work(), is_pulled);
        }
    });
}

TEST(UpgradePlan, OnlyASwitchChangesTheFollowedName) {
    for_all([](const Case& one) {
        const UpgradePlan plan = plan_upgrade(one.facts, one.options);
        if (plan.action == UpgradeAction::follow) {
            EXPECT_TRUE(one.facts.switches && plan.records_digest);
        }
        if (plan.records_digest) {
            EXPECT_FALSE(one.options.download_only);
        }
        UpgradeOptions options = one.options;
        options.from = "oci:/media/usb/os";
        EXPECT_FALSE(plan_upgrade(one.facts, options).records_digest);
    });
}

TEST(UpgradePlan, ALaterStageTakesNoRefusalBack) {
    for_all(Stage::commit, [](const Case& one) {
        UpgradeFacts earlier = one.facts;
        earlier.is_fetched = false;
        const UpgradePlan last = plan_upgrade(one.facts, one.options);
        const UpgradePlan config = plan_upgrade(earlier, one.options);
        // A check, which fetches nothing, says what the upgrade does.
        if (goes_on(last)) {
            EXPECT_EQ(config.action, UpgradeAction::download);
        } else {
            EXPECT_EQ(config, last);
        }
        earlier.release.reset();
        earlier.is_same_system = false;
        const UpgradePlan name = plan_upgrade(earlier, one.options);
        if (name.action != UpgradeAction::download) {
            EXPECT_EQ(name, last);
        }
    });
}

TEST(UpgradePlan, WhatIsNotDoneHasAnErrorAndACode) {
    for_all(Stage::config, [](const Case& one) {
        const UpgradePlan plan = plan_upgrade(one.facts, one.options);
        const Error error = to_error(plan, one.facts);
        if (plan.action == UpgradeAction::refuse) {
            EXPECT_EQ(error.kind(), ErrorKind::refused);
            EXPECT_NE(error.code(), "refused");
            EXPECT_FALSE(error.hint().empty());
        } else if (!plan.is_work()) {
            EXPECT_EQ(error.kind(), ErrorKind::nothing_new);
            EXPECT_NE(error.code(), "nothing_new");
        }
    });
}

TEST(UpgradePlan, DownloadOnlyDeploysNothing) {
    for_all([](const Case& one) {
        if (one.options.download_only) {
            EXPECT_NE(plan_upgrade(one.facts, one.options).action, UpgradeAction::deploy);
        }
    });
}

TEST(UpgradePlan, WithNothingAgainstIt) {
    UpgradeFacts facts{.digest = "sha256:d", .present = {"1", 100}, .now = 1000};
    EXPECT_EQ(plan_upgrade(facts, {}).action, UpgradeAction::download);
    facts.release = Release{"2", 200};
    EXPECT_EQ(plan_upgrade(facts, {}).action, UpgradeAction::download);
    facts.is_fetched = true;
    EXPECT_EQ(plan_upgrade(facts, {}).action, UpgradeAction::deploy);
}

// What runs says that it was made in 2099, and no version tells which is older.
TEST(UpgradePlan, ATimeThatCannotBeEndsNoUpgrades) {
    constexpr std::uint64_t kYear2099 = 4'070'908'800;
    UpgradeFacts facts{.digest = "sha256:d", .present = {"", kYear2099}, .now = 1'750'000'000};
    facts.release = Release{"", 1'749'000'000};
    facts.is_fetched = true;
    EXPECT_EQ(plan_upgrade(facts, {}).action, UpgradeAction::deploy);
    facts.now = 1000;  // a clock that was not set tells nothing
    EXPECT_EQ(plan_upgrade(facts, {}).reason, PlanReason::older_image);
}

TEST(WarningOfAge, OfAnImageThatIsNoLongerUpdated) {
    constexpr std::uint64_t kDay = 24UL * 60 * 60;
    UpgradeFacts facts;
    facts.image = "docker://quay.io/x/os:1";
    facts.now = 100 * kDay;
    facts.present = {"1", 60 * kDay};
    facts.match = DeploymentMatch::current;
    UpgradeOptions options;
    EXPECT_EQ(warning_of_age(facts, options), std::nullopt);
    options.max_age = 40;
    EXPECT_EQ(warning_of_age(facts, options), std::nullopt);
    options.max_age = 39;
    EXPECT_EQ(warning_of_age(facts, options),
              "docker://quay.io/x/os:1 was built 40 days ago, and --max-age is 39: is it still updated?");
    facts.release = Release{"2", 99 * kDay};
    EXPECT_EQ(warning_of_age(facts, options), std::nullopt);
    // Times that are not known, or cannot be.
    facts.release = Release{"2", 0};
    EXPECT_EQ(warning_of_age(facts, options), std::nullopt);
    facts.release = Release{"2", 200 * kDay};
    EXPECT_EQ(warning_of_age(facts, options), std::nullopt);
    facts = {};
    EXPECT_EQ(warning_of_age(facts, options), std::nullopt);
}

TEST(NameOf, WhatIsKnown) {
    const std::string digest = "sha256:" + std::string(64, 'a');
    EXPECT_EQ(name_of({.version = "2"}, digest, std::nullopt), "version '2' (sha256:aaaaaaaaaaaa)");
    EXPECT_EQ(name_of({}, digest, std::nullopt), "sha256:aaaaaaaaaaaa");
    EXPECT_EQ(name_of({}, "", test::TestSysroot::no_deployment().id.commit).size(), 12U);
}

}  // namespace
}  // namespace osb::system
