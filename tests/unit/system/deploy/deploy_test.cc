// The list of deployments, on a sysroot in a temporary directory, and what libostree makes of it.
#include "system/deploy/deploy.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "base/error.hh"
#include "base/fd.hh"
#include "base/umask_scope.hh"
#include "image/deployment/kernel_format.hh"
#include "image/deployment/origin.hh"
#include "system/etc/etc_merge.hh"
#include "system/trial/boot_once.hh"
#include "system/trial/trial.hh"
#include "system/trial/trial_support.hh"
#include "tests/support/test_sysroot.hh"
#include "tests/support/trial_events.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

class DeployTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "deployments need root";
    }

    ostree::NewDeployment next(const Sysroot& sysroot, const ostree::CommitId& commit) const {
        const Deployment current = *roles_of(sysroot).current;
        return {.stateroot = current.id.stateroot,
                .commit = commit,
                .origin = current.origin,
                .kernel_options = current.kernel_options,
                .merge = current};
    }

    // That version runs, and what comes next is tried.
    Sysroot with_trials(const std::string& version) const {
        disk_.add_syslinux();
        disk_.install(disk_.add_commit(version), test::kImageOrigin);
        return Sysroot::open_locked(disk_.path());
    }

    test::TestSysroot disk_;
};

TEST_F(DeployTest, TheFirstIsCurrentAndNothingElse) {
    const ostree::CommitId commit = disk_.add_commit("1");
    const Deployment made = disk_.install(commit, test::kImageOrigin);
    const Sysroot sysroot = Sysroot::open(disk_.path());
    const Roles roles = roles_of(sysroot);
    ASSERT_TRUE(roles.current);
    EXPECT_EQ(*roles.current, made);
    EXPECT_EQ(roles.current->origin, test::kImageOrigin);
    EXPECT_EQ(roles.current->kernel_options, (std::vector<std::string>{"root=LABEL=ROOT", "rw"}));
    EXPECT_FALSE(roles.current->booted);
    EXPECT_FALSE(roles.rollback);
    EXPECT_FALSE(roles.on_trial);
    EXPECT_TRUE(roles.others.empty());
}

TEST_F(DeployTest, EtcIsMergedThreeWays) {
    disk_.install(disk_.add_commit("1"), test::kImageOrigin);
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const std::string etc = roles_of(sysroot).current->id.path() + "/etc/";
    disk_.write(etc + "local", "mine");
    const DeployOutcome outcome = deploy_next(sysroot, next(sysroot, disk_.add_commit("2")), {});
    EXPECT_EQ(disk_.read(outcome.deployment.id.path() + "/etc/local"), "mine");
    EXPECT_EQ(disk_.read(outcome.deployment.id.path() + "/etc/default"), "2");
    EXPECT_EQ(outcome.deployment.kernel_options, (std::vector<std::string>{"root=LABEL=ROOT", "rw"}));
}

TEST_F(DeployTest, ALocalFileWhereTheImageHasADirectoryIsNoFault) {
    disk_.install(disk_.add_commit("1"), test::kImageOrigin);
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const std::string etc = roles_of(sysroot).current->id.path() + "/etc/";
    std::filesystem::remove_all(disk_.path() + "/" + etc + "runlevels");
    disk_.write(etc + "default", "mine");
    disk_.write(etc + "runlevels", "mine");
    const DeployOutcome outcome = deploy_next(sysroot, next(sysroot, disk_.add_commit("2")), {});
    EXPECT_EQ(disk_.read(outcome.deployment.id.path() + "/etc/default"), "mine");
}

TEST_F(DeployTest, LaterChangesOfEtcArePendingForTheNewOne) {
    Sysroot sysroot = with_trials("1");
    const std::string etc = roles_of(sysroot).current->id.path() + "/etc/";
    const DeployOutcome outcome = deploy_next(sysroot, next(sysroot, disk_.add_commit("2")), {});
    EXPECT_EQ(outcome.result, DeployResult::on_trial);
    EXPECT_FALSE(is_etc_pending(sysroot, outcome.deployment.id));
    disk_.write(etc + "late", "mine");
    EXPECT_TRUE(is_etc_pending(sysroot, outcome.deployment.id));
}

TEST_F(DeployTest, WithoutSyslinuxTheNewOneIsTheDefault) {
    disk_.install(disk_.add_commit("1"), test::kImageOrigin);
    std::filesystem::remove_all(disk_.path() + "/boot/extlinux");
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Deployment old = *roles_of(sysroot).current;
    const DeployOutcome outcome =
        deploy_next(sysroot, next(sysroot, disk_.add_commit("2", "another kernel")), {});
    EXPECT_EQ(outcome.result, DeployResult::is_default);
    ASSERT_EQ(sysroot.deployments().size(), 2U);
    EXPECT_EQ(sysroot.deployments()[0], outcome.deployment);
    EXPECT_EQ(sysroot.deployments()[1], old);
    EXPECT_EQ(*roles_of(sysroot).rollback, old);
    EXPECT_EQ(outcome.deployment.origin, test::kImageOrigin);  // with no trial to come it is as good as any
    EXPECT_TRUE(roles_of(sysroot).current_is_proven);
}

// Nobody would end its trial. If it were not tried, a broken one would be the default for good.
TEST_F(DeployTest, ASystemThatCannotBeTriedIsRefused) {
    Sysroot sysroot = with_trials("1");
    const Deployment old = *roles_of(sysroot).current;
    const auto expect_refused = [&](const ostree::CommitId& commit, const std::string& advice) {
        try {
            deploy_next(sysroot, next(sysroot, commit), {});
            FAIL() << "was deployed";
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::refused);
            EXPECT_EQ(error.code(), "cannot_be_tried");
            EXPECT_NE(error.hint().find(advice), std::string::npos) << error.hint();
        }
        EXPECT_EQ(sysroot.deployments(), std::vector<Deployment>{old});
        EXPECT_FALSE(read_trial(sysroot));
    };
    expect_refused(disk_.add_commit_without("usr/bin/osb-oci"), "/usr/bin/osb-oci");
    expect_refused(disk_.add_commit_without("etc/runlevels/default/osb-boot-check"), "in the image");
    // On one machine: its /etc is merged into every later image's.
    std::filesystem::remove(disk_.path() + "/" + old.id.path() + "/etc/runlevels/default/osb-boot-check");
    expect_refused(disk_.add_commit("2"), "then repeat");
}

TEST_F(DeployTest, AServiceThatTheMachineAddedCounts) {
    disk_.add_syslinux();
    disk_.install(disk_.add_commit_without("etc/runlevels/default/osb-boot-check"), test::kImageOrigin);
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const std::string level = roles_of(sysroot).current->id.path() + "/etc/runlevels/default/";
    std::filesystem::create_symlink("/etc/init.d/osb-boot-check",
                                    disk_.path() + "/" + level + "osb-boot-check");
    const ostree::CommitId commit = disk_.add_commit_without("etc/runlevels/default/osb-boot-check");
    EXPECT_EQ(deploy_next(sysroot, next(sysroot, commit), {}).result, DeployResult::on_trial);
}

// A system that was not made for trials, and is kept by a program outside of it.
TEST_F(DeployTest, WithoutOsbOciOnBothSidesTheNewOneIsTheDefault) {
    disk_.add_syslinux();
    disk_.install(disk_.add_commit_without("usr/bin/osb-oci", "etc/runlevels/default/osb-boot-check"),
                  test::kImageOrigin);
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    EXPECT_FALSE(trial_support(sysroot).supported);
    const DeployOutcome outcome = deploy_next(sysroot, next(sysroot, disk_.add_commit("2")), {});
    EXPECT_EQ(outcome.result, DeployResult::is_default);
    EXPECT_FALSE(image::Origin::parse(sysroot.deployments().front().origin).is_untried());
}

TEST_F(DeployTest, TheNewOneIsTriedAndTheOldOneStaysTheDefault) {
    Sysroot sysroot = with_trials("1");
    const Deployment old = *roles_of(sysroot).current;
    const DeployOutcome outcome =
        deploy_next(sysroot, next(sysroot, disk_.add_commit("2")), {.digest = "sha256:2"});
    ASSERT_EQ(outcome.result, DeployResult::on_trial);
    EXPECT_EQ(sysroot.deployments().front(), old);
    const Roles roles = roles_of(sysroot);
    EXPECT_EQ(*roles.on_trial, outcome.deployment);
    EXPECT_FALSE(roles.rollback);
    EXPECT_EQ(read_trial(sysroot)->state, TrialState::armed);
    EXPECT_EQ(read_boot_once(sysroot.boot()), "trial");
    const std::string menu = disk_.read("boot/extlinux/entries.conf");
    EXPECT_NE(menu.find("osb.trial=" + read_trial(sysroot)->id), std::string::npos) << menu;
}

TEST_F(DeployTest, AnotherUpgradeTakesThePlaceOfTheOneThatWasToBeTried) {
    Sysroot sysroot = with_trials("1");
    const Deployment old = *roles_of(sysroot).current;
    deploy_next(sysroot, next(sysroot, disk_.add_commit("2", "kernel of 2")), {.digest = "sha256:2"});
    const DeployOutcome outcome =
        deploy_next(sysroot, next(sysroot, disk_.add_commit("3", "kernel of 3")), {.digest = "sha256:3"});
    EXPECT_EQ(sysroot.deployments(), (std::vector<Deployment>{old, outcome.deployment}));
    EXPECT_EQ(read_trial(sysroot)->subject.digest, "sha256:3");
    EXPECT_TRUE(read_failed(sysroot).empty());
}

TEST_F(DeployTest, OneThatPassedIsTheDefaultAndTheOldOneTheRollback) {
    Sysroot sysroot = with_trials("1");
    const Deployment old = *roles_of(sysroot).current;
    const DeployOutcome outcome = deploy_next(sysroot, next(sysroot, disk_.add_commit("2")), {});
    test::pass_trial(sysroot);
    EXPECT_EQ(sysroot.deployments(), (std::vector<Deployment>{outcome.deployment, old}));
    EXPECT_FALSE(read_trial(sysroot));
    EXPECT_EQ(read_boot_once(sysroot.boot()), "");
    EXPECT_EQ(*roles_of(sysroot).rollback, old);
    EXPECT_EQ(sysroot.deployments().front().origin, test::kImageOrigin);
}

TEST_F(DeployTest, OneThatWasNeverTriedIsNoRollbackWhateverBecameOfItsRecord) {
    Sysroot sysroot = with_trials("1");
    const DeployOutcome outcome = deploy_next(sysroot, next(sysroot, disk_.add_commit("2")), {});
    test::lose_trial(sysroot);
    EXPECT_FALSE(roles_of(sysroot).rollback);
    EXPECT_EQ(roles_of(sysroot).others, std::vector<Deployment>{outcome.deployment});
    // Nor when it is pinned.
    sysroot.set_pinned(outcome.deployment, true);
    EXPECT_FALSE(roles_of(sysroot).rollback);
    EXPECT_EQ(roles_of(sysroot).pinned, std::vector<Deployment>{outcome.deployment});
}

TEST_F(DeployTest, FromASystemThatHasFailedTheProvenOneStaysTheDefault) {
    Sysroot sysroot = with_trials("1");
    const Deployment good = *roles_of(sysroot).current;
    const DeployOutcome bad =
        deploy_next(sysroot, next(sysroot, disk_.add_commit("2")), {.digest = "sha256:2"});
    test::fail_trial(sysroot, "bad");
    sysroot.write({bad.deployment, good});  // so that it is the current one of a system that is not booted
    const Roles roles = roles_of(sysroot);
    EXPECT_FALSE(roles.current_is_proven);
    EXPECT_EQ(*roles.rollback, good);
    const DeployOutcome third = deploy_next(sysroot, next(sysroot, disk_.add_commit("3")), {});
    EXPECT_EQ(sysroot.deployments(), (std::vector<Deployment>{good, third.deployment, bad.deployment}));
    const std::string menu = disk_.read("boot/extlinux/entries.conf");
    EXPECT_NE(menu.find(sysroot.deployments().front().boot_path), std::string::npos) << menu;
}

TEST_F(DeployTest, AForcedTrialLeavesTheProvenRollback) {
    Sysroot sysroot = with_trials("0");
    const Deployment zero = *roles_of(sysroot).current;
    deploy_next(sysroot, next(sysroot, disk_.add_commit("1")), {});
    test::pass_trial(sysroot);
    const ostree::CommitId bad = disk_.add_commit("2");
    deploy_next(sysroot, next(sysroot, bad), {.digest = "sha256:2"});
    test::fail_trial(sysroot, "bad");
    deploy_next(sysroot, next(sysroot, bad), {.digest = "sha256:2"});
    EXPECT_EQ(*roles_of(sysroot).rollback, zero);
    EXPECT_EQ(sysroot.deployments().size(), 3U);
    ASSERT_TRUE(find_failed(sysroot, "sha256:2", std::nullopt));
    test::pass_trial(sysroot);
    EXPECT_FALSE(find_failed(sysroot, "sha256:2", std::nullopt));
}

TEST_F(DeployTest, OneThatFailedIsLeftOverAndGoesWithTheNext) {
    Sysroot sysroot = with_trials("1");
    const Deployment old = *roles_of(sysroot).current;
    const DeployOutcome bad =
        deploy_next(sysroot, next(sysroot, disk_.add_commit("2")), {.digest = "sha256:2"});
    test::fail_trial(sysroot, "it was bad\n");
    EXPECT_EQ(roles_of(sysroot).others, std::vector<Deployment>{bad.deployment});
    EXPECT_FALSE(roles_of(sysroot).rollback);
    ASSERT_TRUE(find_failed(sysroot, "sha256:2", std::nullopt));
    EXPECT_EQ(find_failed(sysroot, "sha256:2", std::nullopt)->reason, "it was bad\\x0a");
    const DeployOutcome good = deploy_next(sysroot, next(sysroot, disk_.add_commit("3")), {});
    EXPECT_EQ(sysroot.deployments(), (std::vector<Deployment>{old, good.deployment}));
}

TEST_F(DeployTest, WhatIsReplacedGoesAndWhatIsPinnedStays) {
    disk_.install(disk_.add_commit("1"), test::kImageOrigin);
    std::filesystem::remove_all(disk_.path() + "/boot/extlinux");
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Deployment first = *roles_of(sysroot).current;
    deploy_next(sysroot, next(sysroot, disk_.add_commit("2")), {});
    sysroot.set_pinned(first, true);
    deploy_next(sysroot, next(sysroot, disk_.add_commit("3")), {});
    const Deployment third = *roles_of(sysroot).current;
    deploy_next(sysroot, next(sysroot, disk_.add_commit("4")), {});
    keep_proven(sysroot);
    const Roles roles = roles_of(sysroot);
    EXPECT_EQ(*roles.rollback, third);
    EXPECT_EQ(roles.pinned, std::vector<Deployment>{*sysroot.find(first.id)});
    EXPECT_EQ(sysroot.deployments().size(), 3U);
}

// `chattr +i` in /etc; where the filesystem has such a flag.
TEST_F(DeployTest, WhatIsImmutableIsRemovedWithItsDeployment) {
    disk_.install(disk_.add_commit("1"), test::kImageOrigin);
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Deployment first = *roles_of(sysroot).current;
    disk_.write(first.id.path() + "/etc/frozen", "mine");
    const std::string frozen = disk_.path() + "/" + first.id.path() + "/etc/frozen";
    {
        const Fd file(::open(frozen.c_str(), O_RDONLY | O_CLOEXEC));
        const int flags = FS_IMMUTABLE_FL;
        if (::ioctl(file.get(), FS_IOC_SETFLAGS, &flags) != 0) GTEST_SKIP() << "no such flag here";
    }
    for (const char* version : {"2", "3", "4"}) {
        deploy_next(sysroot, next(sysroot, disk_.add_commit(version)), {});
    }
    EXPECT_FALSE(std::filesystem::exists(frozen));
}

TEST_F(DeployTest, RefsOfImagesThatNothingFollowsGo) {
    disk_.install(disk_.add_commit("1", "kernel", image::image_ref("quay.io/x/os:1").text()),
                  test::kImageOrigin);
    disk_.add_commit("0", "old kernel", image::image_ref("quay.io/x/old:1").text());
    disk_.add_commit("9", "my kernel", "my/own");
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    EXPECT_GT(keep_proven(sysroot), 0U);
    EXPECT_EQ(sysroot.repository().refs("ostree/container/image"),
              std::vector<std::string>{image::image_ref("quay.io/x/os:1").text()});
    EXPECT_TRUE(sysroot.repository().resolve("my/own"));
}

TEST_F(DeployTest, ACommitWithoutKernelIsRefusedBeforeAnythingIsWritten) {
    disk_.install(disk_.add_commit("1"), test::kImageOrigin);
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    EXPECT_THROW(deploy_next(sysroot, next(sysroot, ostree::CommitId(Sha256{})), {}), Error);
    EXPECT_EQ(sysroot.deployments().size(), 1U);
}

// Nothing of this is noticed by libostree, and little by the kernel.
TEST_F(DeployTest, WhatCouldNotBeStartedIsRefusedBeforeAnythingIsWritten) {
    Sysroot sysroot = with_trials("1");
    const std::string menu = disk_.read("boot/extlinux/entries.conf");
    const auto expect_refused = [&](const ostree::NewDeployment& deployment, ErrorKind kind) {
        try {
            deploy_next(sysroot, deployment, {});
            FAIL() << "was deployed";
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), kind) << error.message();
        }
        EXPECT_EQ(Sysroot::open(disk_.path()).deployments().size(), 1U);
        EXPECT_FALSE(read_trial(sysroot));
        EXPECT_EQ(disk_.read("boot/extlinux/entries.conf"), menu);
    };
    ostree::NewDeployment deployment = next(sysroot, disk_.add_commit("2"));
    deployment.kernel_options.push_back("x=" + std::string(1800, 'x'));
    expect_refused(deployment, ErrorKind::too_large);
    expect_refused(next(sysroot, disk_.add_commit_with_metadata("version", "3\noptions init=/bin/sh")),
                   ErrorKind::invalid);
}

// Its bootloader cannot be told to start the new one once: that is no reason to start it for good.
TEST_F(DeployTest, ABootloaderThatIsDamagedIsAnError) {
    Sysroot sysroot = with_trials("1");
    disk_.write("boot/extlinux/ldlinux.sys", "short");
    try {
        deploy_next(sysroot, next(sysroot, disk_.add_commit("2")), {});
        FAIL() << "was deployed";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::io);
        EXPECT_FALSE(error.hint().empty());
    }
    EXPECT_EQ(sysroot.deployments().size(), 1U);
}

// The default and the system on trial have to fit into the menu's one block.
TEST_F(DeployTest, ArgumentsForWhichTheMenuHasNoRoomAreRefusedBeforeAnythingIsWritten) {
    Sysroot sysroot = with_trials("1");
    const auto with_arguments = [&](const char* version, std::size_t size) {
        ostree::NewDeployment deployment = next(sysroot, disk_.add_commit(version));
        deployment.kernel_options = {"root=LABEL=ROOT", "x=" + std::string(size, 'x')};
        return deployment;
    };
    deploy_next(sysroot, with_arguments("2", 1500), {});
    test::pass_trial(sysroot);
    const std::string menu = disk_.read("boot/extlinux/entries.conf");
    try {
        deploy_next(sysroot, with_arguments("3", 1500), {});
        FAIL() << "was deployed";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::too_large) << error.message();
    }
    EXPECT_FALSE(read_trial(sysroot));
    EXPECT_EQ(disk_.read("boot/extlinux/entries.conf"), menu);
    EXPECT_EQ(deploy_next(sysroot, with_arguments("3", 100), {}).result, DeployResult::on_trial);
}

TEST_F(DeployTest, AKernelOfAnotherKindIsRefused) {
    std::string kernel(image::kKernelHeaderSize, '\0');
    kernel.replace(0x202, 6, "HdrS\x0c\x02");
    kernel[0x236] = 1;
    disk_.add_syslinux();
    disk_.install(disk_.add_commit("1", kernel), test::kImageOrigin);
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    for (const std::string& other :
         {std::string("rubbish"), std::string(kernel).replace(0x236, 1, 1, '\0')}) {
        try {
            deploy_next(sysroot, next(sysroot, disk_.add_commit("2", other)), {});
            FAIL() << "was deployed";
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::invalid);
        }
        EXPECT_EQ(sysroot.deployments().size(), 1U);
    }
    kernel += "newer";
    EXPECT_EQ(deploy_next(sysroot, next(sysroot, disk_.add_commit("2", kernel)), {}).result,
              DeployResult::on_trial);
}

TEST_F(DeployTest, LabelsOfAnImageStayInTheirLine) {
    Sysroot sysroot = with_trials("1");
    const DeployOutcome outcome =
        deploy_next(sysroot, next(sysroot, disk_.add_commit("2\noptions init=/bin/sh\n")), {});
    EXPECT_EQ(outcome.deployment.kernel_options, (std::vector<std::string>{"root=LABEL=ROOT", "rw"}));
    const std::string menu = disk_.read("boot/extlinux/entries.conf");
    EXPECT_EQ(menu.find("\noptions"), std::string::npos) << menu;
    EXPECT_EQ(menu.find("APPEND init="), std::string::npos) << menu;
}

// What everybody's `status` reads.
TEST_F(DeployTest, TheCallersUmaskDecidesNothing) {
    const UmaskScope hardened(077);
    {
        Sysroot sysroot = with_trials("1");
        deploy_next(sysroot, next(sysroot, disk_.add_commit("2", "another kernel")), {});
    }
    namespace fs = std::filesystem;
    const fs::path top = disk_.path();
    for (const char* below : {"ostree/osb-oci", "ostree/repo/objects", "ostree/repo/refs", "boot/loader",
                              "boot/ostree", "ostree/boot.0", "ostree/boot.1"}) {
        if (!fs::exists(top / below)) continue;  // libostree goes to and fro between two of them
        EXPECT_NE(fs::status(top / below).permissions() & fs::perms::others_exec, fs::perms::none) << below;
        for (const fs::directory_entry& one : fs::recursive_directory_iterator(top / below)) {
            if (one.is_symlink()) continue;
            EXPECT_NE(one.status().permissions() & fs::perms::others_read, fs::perms::none) << one.path();
        }
    }
    for (const fs::directory_entry& one : fs::directory_iterator(top / "ostree/deploy/default/deploy")) {
        EXPECT_NE(one.status().permissions() & fs::perms::others_read, fs::perms::none) << one.path();
    }
}

// As a disk has it that was made with SOURCE_DATE_EPOCH=0 before; libostree ends with an assertion there.
TEST_F(DeployTest, DeploymentsWithoutATimeAreReadWhenTheyAreTouched) {
    const Deployment made = disk_.install(disk_.add_commit("1"), test::kImageOrigin);
    const std::string directory = disk_.path() + "/ostree/deploy";
    const std::array<timespec, 2> zero{};
    ASSERT_EQ(::utimensat(AT_FDCWD, directory.c_str(), zero.data(), 0), 0);
    EXPECT_THROW(Sysroot::open(disk_.path()), Error);
    EXPECT_EQ(Sysroot::open_locked(disk_.path()).deployments().front(), made);
    EXPECT_EQ(Sysroot::open(disk_.path()).deployments().front(), made);
}

TEST_F(DeployTest, ASysrootThatIsNoneIsRefusedWithAdvice) {
    try {
        Sysroot::open("/proc");
        FAIL() << "was opened";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::not_found);
        EXPECT_FALSE(error.hint().empty());
    }
}

}  // namespace
}  // namespace osb::system
