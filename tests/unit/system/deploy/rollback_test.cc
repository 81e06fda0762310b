// Back and forth, and what is given up on the way; on a sysroot in a temporary directory.
#include "system/deploy/rollback.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/bytes.hh"
#include "base/error.hh"
#include "image/deployment/origin.hh"
#include "system/deploy/deploy_arguments.hh"
#include "system/deploy/given_up.hh"
#include "system/deploy/status.hh"
#include "system/origin/kernel_arguments.hh"
#include "system/trial/boot_once.hh"
#include "tests/support/test_sysroot.hh"
#include "tests/support/trial_events.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;
using Deployments = std::vector<Deployment>;

class RollbackTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "deployments need root";
        first_ = disk_.install(disk_.add_commit("1", "kernel", "os/1"), test::kImageOrigin);
        disk_.add_syslinux();
    }

    // Deploys the version on trial.
    Deployment upgrade(Sysroot& sysroot, const std::string& version) {
        const Deployment current = *roles_of(sysroot).current;
        const ostree::CommitId commit = disk_.add_commit(version, "kernel " + version, "os/" + version);
        return deploy_next(
                   sysroot,
                   {.stateroot = current.id.stateroot,
                    .commit = commit,
                    .origin = current.origin,
                    .kernel_options = current.kernel_options,
                    .merge = current},
                   {.image = "docker://quay.io/x/os:1", .digest = "sha256:" + version, .version = version})
            .deployment;
    }
    // The same, and its checks are green.
    Deployment proven(Sysroot& sysroot, const std::string& version) {
        Deployment made = upgrade(sysroot, version);
        test::pass_trial(sysroot);
        return made;
    }

    test::TestSysroot disk_;
    Deployment first_ = test::TestSysroot::no_deployment();
};

// Power failed after the first two steps of a cancellation.
void interrupt_cancellation(Sysroot& sysroot) {
    TrialObservation seen = observe_trial(sysroot, sysroot.booted(), {});
    for (const TrialStep step : {TrialStep::set_prepared, TrialStep::clear_boot_once})
        apply_trial_step(sysroot, step, seen, {});
}

template<typename F>
Error refusal_of(const F& f) {
    try {
        f();
    } catch (const Error& error) {
        return error;
    }
    ADD_FAILURE() << "was not refused";
    return {ErrorKind::internal, ""};
}

// The menu's default must be what the first boot entry starts.
void expect_default(const Sysroot& sysroot, const test::TestSysroot& disk, const Deployment& deployment) {
    EXPECT_EQ(sysroot.deployments().front(), deployment);
    const std::string menu = disk.read("boot/extlinux/entries.conf");
    const std::size_t label = menu.find("LABEL ");
    const std::size_t next = menu.find("LABEL ", label + 1 + std::string("LABEL ").size());
    const std::string entry = menu.substr(label, menu.find("\n\n", next) - label);
    EXPECT_NE(entry.find("ostree=" + sysroot.deployments().front().boot_path), std::string::npos) << menu;
}

// Unattended upgrades do not deploy again what an operator has left.
TEST_F(RollbackTest, WhatIsLeftIsRecorded) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Deployment second = proven(sysroot, "2");
    EXPECT_FALSE(is_given_up(sysroot, "", second.id.commit));
    roll_back(sysroot);
    EXPECT_TRUE(is_given_up(sysroot, "", second.id.commit));
    EXPECT_FALSE(is_given_up(sysroot, "", first_.id.commit));
    EXPECT_FALSE(is_given_up(sysroot, "", std::nullopt));
    roll_back(sysroot);  // forth again
    EXPECT_FALSE(is_given_up(sysroot, "", second.id.commit));
    const Deployment third = upgrade(sysroot, "3");
    roll_back(sysroot);  // its trial is cancelled
    EXPECT_TRUE(is_given_up(sysroot, "", third.id.commit));
    clear_given_up(sysroot);
    clear_given_up(sysroot);
    EXPECT_FALSE(is_given_up(sysroot, "", third.id.commit));
}

TEST_F(RollbackTest, ARecordOfWhatWasLeftThatIsDamagedCountsAsNone) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    proven(sysroot, "2");
    roll_back(sysroot);
    for (const char* text : {"", "{}", "[1]", "{\"digest\": 1, \"commit\": null}"}) {
        disk_.write("ostree/osb-oci/given-up.json", text);
        EXPECT_FALSE(is_given_up(sysroot, "sha256:1", first_.id.commit)) << text;
    }
}

TEST_F(RollbackTest, BackAndForth) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Deployment second = proven(sysroot, "2");
    expect_default(sysroot, disk_, second);
    const RollbackOutcome back = roll_back(sysroot);
    EXPECT_EQ(back.result, RollbackResult::swapped);
    EXPECT_EQ(back.next, first_);
    EXPECT_EQ(back.given_up, second);
    expect_default(sysroot, disk_, first_);
    EXPECT_EQ(sysroot.deployments().size(), 2U);
    EXPECT_FALSE(read_trial(sysroot));
    EXPECT_TRUE(read_failed(sysroot).empty());
    EXPECT_EQ(read_boot_once(sysroot.boot()), "");
    const RollbackOutcome forth = roll_back(sysroot);
    EXPECT_EQ(forth.next, second);
    expect_default(sysroot, disk_, second);
}

TEST_F(RollbackTest, NothingToGoBackTo) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Error error = refusal_of([&] { roll_back(sysroot); });
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_FALSE(error.hint().empty());
    EXPECT_EQ(sysroot.deployments(), Deployments{first_});
}

TEST_F(RollbackTest, WhatIsPinnedStaysInItsPlace) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Deployment second = proven(sysroot, "2");
    sysroot.set_pinned(first_, true);
    const Deployment third = proven(sysroot, "3");
    ASSERT_EQ(sysroot.deployments(), (Deployments{third, second, first_}));
    EXPECT_EQ(roll_back(sysroot).next, second);
    EXPECT_EQ(sysroot.deployments(), (Deployments{second, third, first_}));
    EXPECT_TRUE(sysroot.find(first_.id)->pinned);
}

TEST_F(RollbackTest, ATrialThatIsToComeIsCancelledAndForgotten) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Deployment second = proven(sysroot, "2");
    const Deployment third = upgrade(sysroot, "3");
    ASSERT_EQ(read_boot_once(sysroot.boot()), "trial");
    const RollbackOutcome outcome = roll_back(sysroot);
    EXPECT_EQ(outcome.result, RollbackResult::trial_cancelled);
    EXPECT_EQ(outcome.next, second);
    EXPECT_EQ(outcome.given_up, third);
    EXPECT_EQ(read_boot_once(sysroot.boot()), "");
    EXPECT_FALSE(read_trial(sysroot));
    EXPECT_TRUE(read_failed(sysroot).empty());  // it was not tried: it may come again
    expect_default(sysroot, disk_, second);
    // The next rollback leads to what has proved itself, never to what was not tried.
    EXPECT_FALSE(sysroot.find(third.id));
    EXPECT_EQ(roll_back(sysroot).next, first_);
}

TEST_F(RollbackTest, APinnedOneThatWasToBeTriedStaysBehindTheProvenOnes) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Deployment second = proven(sysroot, "2");
    const Deployment third = upgrade(sysroot, "3");
    sysroot.set_pinned(third, true);
    EXPECT_EQ(roll_back(sysroot).result, RollbackResult::trial_cancelled);
    EXPECT_EQ(sysroot.deployments(), (Deployments{second, first_, third}));
    EXPECT_EQ(*roles_of(sysroot).rollback, first_);
}

TEST_F(RollbackTest, APinnedOneThatWasNeverTriedIsNothingToGoBackTo) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Deployment second = upgrade(sysroot, "2");
    sysroot.set_pinned(second, true);
    EXPECT_EQ(roll_back(sysroot).result, RollbackResult::trial_cancelled);
    EXPECT_EQ(sysroot.deployments(), (Deployments{first_, second}));
    EXPECT_EQ(refusal_of([&] { roll_back(sysroot); }).kind(), ErrorKind::not_found);
    EXPECT_EQ(sysroot.deployments().front(), first_);
}

// Power failed between the steps of a cancellation.
TEST_F(RollbackTest, ACancellationThatWasInterruptedIsGoneOnWith) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Deployment second = proven(sysroot, "2");
    const Deployment third = upgrade(sysroot, "3");
    interrupt_cancellation(sysroot);
    EXPECT_EQ(roll_back(sysroot).given_up, third);
    EXPECT_EQ(sysroot.deployments(), (Deployments{second, first_}));

    upgrade(sysroot, "4");
    interrupt_cancellation(sysroot);
    sysroot.write({second, first_});
    const std::string left =
        concat("ostree/deploy/", second.id.stateroot, "/deploy/", second.id.commit, ".7/etc/left");
    disk_.write(left, "of the deployment that was removed from the list");
    const RollbackOutcome outcome = roll_back(sysroot);
    EXPECT_EQ(outcome.result, RollbackResult::trial_cancelled);
    EXPECT_EQ(outcome.given_up, std::nullopt);
    EXPECT_FALSE(std::filesystem::exists(concat(disk_.path(), '/', left)));
    EXPECT_EQ(outcome.next, second);
    EXPECT_FALSE(read_trial(sysroot));
    EXPECT_EQ(roll_back(sysroot).next, first_);
}

TEST_F(RollbackTest, WhatHasFailedAndRunsIsLeftForWhatIsProven) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Deployment second = upgrade(sysroot, "2");
    test::fail_trial(sysroot, "bad");
    sysroot.write({second, first_});  // so that it is the current one of a system that is not booted
    const RollbackOutcome outcome = roll_back(sysroot);
    EXPECT_EQ(outcome.result, RollbackResult::left);
    EXPECT_EQ(outcome.next, first_);
    EXPECT_EQ(outcome.given_up, second);
    expect_default(sysroot, disk_, first_);
    EXPECT_EQ(refusal_of([&] { roll_back(sysroot); }).kind(), ErrorKind::not_found);
}

TEST_F(RollbackTest, OneThatRunsOnTrialHasFailed) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Deployment second = upgrade(sysroot, "2");
    // As if it had been made the default by hand; then it is the current one of a system that is not booted.
    sysroot.write({second, first_});
    ASSERT_EQ(roles_of(sysroot).on_trial, roles_of(sysroot).current);
    EXPECT_EQ(refusal_of([&] { drop_rollback(sysroot); }).kind(), ErrorKind::refused);
    const RollbackOutcome outcome = roll_back(sysroot);
    EXPECT_EQ(outcome.result, RollbackResult::trial_failed);
    EXPECT_EQ(outcome.next, first_);
    expect_default(sysroot, disk_, first_);
    ASSERT_EQ(read_failed(sysroot).size(), 1U);
    EXPECT_EQ(read_failed(sysroot)[0].reason, "rolled back by the operator");
    EXPECT_TRUE(find_failed(sysroot, "sha256:2", std::nullopt));
    EXPECT_FALSE(roles_of(sysroot).rollback);  // what has failed is none
}

TEST_F(RollbackTest, TheRollbackGoesWithoutAnythingTakingItsPlace) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Deployment second = proven(sysroot, "2");
    const Deployment third = proven(sysroot, "3");
    ASSERT_EQ(sysroot.deployments(), (Deployments{third, second, first_}));  // the first is left over
    EXPECT_EQ(drop_rollback(sysroot), second);
    EXPECT_EQ(sysroot.deployments(), Deployments{third});
    EXPECT_EQ(drop_rollback(sysroot), std::nullopt);
    expect_default(sysroot, disk_, third);
}

TEST_F(RollbackTest, APinnedRollbackStays) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    proven(sysroot, "2");
    sysroot.set_pinned(first_, true);
    EXPECT_EQ(refusal_of([&] { drop_rollback(sysroot); }).kind(), ErrorKind::refused);
    sysroot.set_pinned(first_, false);
    EXPECT_EQ(drop_rollback(sysroot), first_);
}

TEST_F(RollbackTest, OtherArgumentsAreTriedLikeAnythingElse) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    sysroot.set_pinned(first_, true);
    disk_.write(first_.id.path() + "/etc/local", "mine");
    const DeployOutcome outcome = deploy_with_arguments(sysroot, {"root=LABEL=ROOT", "quiet"});
    EXPECT_EQ(outcome.result, DeployResult::on_trial);
    EXPECT_EQ(outcome.deployment.id.commit, first_.id.commit);
    EXPECT_EQ(outcome.deployment.kernel_options, (std::vector<std::string>{"root=LABEL=ROOT", "quiet"}));
    EXPECT_FALSE(outcome.deployment.pinned);
    const auto origin = image::Origin::parse(outcome.deployment.origin);
    EXPECT_EQ(origin.with_untried(false).text(), test::kImageOrigin);
    EXPECT_TRUE(origin.is_untried());
    EXPECT_EQ(disk_.read(outcome.deployment.id.path() + "/etc/local"), "mine");
    EXPECT_EQ(read_trial(sysroot)->subject.image, "");
    expect_default(sysroot, disk_, first_);
    EXPECT_EQ(sysroot.find(first_.id)->kernel_options, first_.kernel_options);
}

TEST_F(RollbackTest, OtherArgumentsForWhatWaitsForItsTrial) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Deployment second = upgrade(sysroot, "2");
    disk_.write(first_.id.path() + "/etc/late", "changed after the upgrade");
    EXPECT_EQ(arguments_base(sysroot, roles_of(sysroot)), second);
    const DeployOutcome outcome = deploy_with_arguments(sysroot, {"root=LABEL=ROOT", "quiet"});
    EXPECT_EQ(outcome.deployment.id.commit, second.id.commit);
    EXPECT_EQ(read_trial(sysroot)->subject.digest, "sha256:2");
    EXPECT_EQ(disk_.read(outcome.deployment.id.path() + "/etc/late"), "changed after the upgrade");
    EXPECT_EQ(disk_.read(outcome.deployment.id.path() + "/etc/default"), "2");
    EXPECT_EQ(sysroot.deployments(), (Deployments{first_, outcome.deployment}));
}

TEST_F(RollbackTest, ACommitThatNothingKeepsIsNotGivenUpForOtherArguments) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Deployment second = upgrade(sysroot, "2");
    disk_.add_commit("3", "kernel 3", "os/2");  // its ref has moved on
    EXPECT_EQ(refusal_of([&] { deploy_with_arguments(sysroot, {"quiet"}); }).kind(), ErrorKind::refused);
    EXPECT_EQ(*roles_of(sysroot).on_trial, second);
    EXPECT_EQ(read_boot_once(sysroot.boot()), "trial");
}

TEST_F(RollbackTest, StatusOfATrialThatIsToCome) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    upgrade(sysroot, "2");
    const SystemStatus status = read_status(sysroot);
    ASSERT_EQ(status.deployments.size(), 2U);
    EXPECT_TRUE(status.deployments[0].is_default);
    EXPECT_FALSE(status.deployments[0].on_trial);
    EXPECT_TRUE(status.deployments[1].on_trial);
    EXPECT_FALSE(status.deployments[1].rollback);
    EXPECT_EQ(status.deployments[1].version, "2");
    EXPECT_EQ(status.deployments[0].follows, "docker://quay.io/x/os:1");
    EXPECT_EQ(status.next_boot, 1U);
    EXPECT_EQ(status.current(), &status.deployments[0]);
    EXPECT_EQ(status.recent_failure(), nullptr);
    ASSERT_TRUE(status.deployments[1].deployed);
    EXPECT_GT(*status.deployments[1].deployed, 1600000000U);
}

TEST_F(RollbackTest, StatusOfATrialThatFailed) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    upgrade(sysroot, "2");
    test::fail_trial(sysroot, "the kernel panicked");
    const SystemStatus status = read_status(sysroot);
    EXPECT_EQ(status.next_boot, 0U);
    ASSERT_EQ(status.deployments.size(), 2U);
    EXPECT_TRUE(status.deployments[1].failed);
    EXPECT_TRUE(status.deployments[1].left_over);
    ASSERT_NE(status.recent_failure(), nullptr);
    EXPECT_EQ(status.recent_failure()->reason, "the kernel panicked");
}

TEST_F(RollbackTest, AFailureBeforeTheCurrentDeploymentIsHistory) {
    SystemStatus status;
    status.failed.push_back({.deployment = first_.id, .reason = "r", .time = 1000});
    EXPECT_NE(status.recent_failure(), nullptr);
    status.deployments.push_back({.deployment = first_, .deployed = 1001});
    EXPECT_EQ(status.recent_failure(), nullptr);
    status.deployments.back().deployed = 1000;
    EXPECT_NE(status.recent_failure(), nullptr);
    status.deployments.back().deployed.reset();
    EXPECT_NE(status.recent_failure(), nullptr);
}

TEST_F(RollbackTest, StatusShowsTheRequiredSignature) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const auto with = [&](const std::string& reference) {
        sysroot.set_origin(first_, "[origin]\ncontainer-image-reference=" + reference + '\n');
        return read_status(sysroot).deployments[0];
    };
    const DeploymentStatus remote = with("ostree-remote-image:r:docker://quay.io/x/os:1");
    EXPECT_EQ(remote.follows, "docker://quay.io/x/os:1");
    EXPECT_EQ(remote.signature, RequiredSignature::remote);
    EXPECT_EQ(remote.remote, "r");
    EXPECT_EQ(with("ostree-image-signed:docker://quay.io/x/os:1").signature, RequiredSignature::policy);
    EXPECT_EQ(with("ostree-unverified-registry:quay.io/x/os:1").signature, RequiredSignature::none);
}

TEST_F(RollbackTest, StatusShowsOriginsThatCannotBeFollowed) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    sysroot.set_origin(first_,
                       "[origin]\ncontainer-image-reference=ostree-remote-image:r:docker://quay.io/x/os:1\n"
                       "unconfigured-state=call us\n");
    const SystemStatus unconfigured = read_status(sysroot);
    EXPECT_EQ(unconfigured.deployments[0].follows, "ostree-remote-image:r:docker://quay.io/x/os:1");
    EXPECT_FALSE(unconfigured.deployments[0].origin_problem.empty());
    sysroot.set_origin(first_, "");
    const SystemStatus none = read_status(sysroot);
    EXPECT_EQ(none.deployments[0].follows, "");
    EXPECT_EQ(none.deployments[0].origin_problem, "");
}

// Made by a program that does not look.
TEST_F(RollbackTest, WhatTheKernelWouldNotStartIsNoDefault) {
    {
        Sysroot sysroot = Sysroot::open_locked(disk_.path());
        const Deployment longer = sysroot.deploy({.stateroot = first_.id.stateroot,
                                                  .commit = first_.id.commit,
                                                  .origin = test::kImageOrigin,
                                                  .kernel_options = {"rw", std::string(2000, 'x')},
                                                  .merge = first_});
        sysroot.write({first_, longer});
    }
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Error error = refusal_of([&] { roll_back(sysroot); });
    EXPECT_EQ(error.kind(), ErrorKind::too_large);
    EXPECT_EQ(sysroot.deployments().front(), first_);
    // The other way round it leads to what can be started, and the menu has that alone.
    sysroot.write({*sysroot.find(sysroot.deployments()[1].id), first_});
    roll_back(sysroot);
    expect_default(sysroot, disk_, first_);
}

}  // namespace
}  // namespace osb::system
