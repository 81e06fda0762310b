// A reset on a sysroot in a temporary directory.
#include "system/reset/factory_reset.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.hh"
#include "image/install/installed_record.hh"
#include "ostree/sysroot/stateroot.hh"
#include "system/deploy/rollback.hh"
#include "system/deploy/settle_reset.hh"
#include "system/trial/advance_trial.hh"
#include "system/trial/trial.hh"
#include "tests/support/test_sysroot.hh"

namespace osb::system {
namespace {

namespace fs = std::filesystem;
using ostree::Deployment;
using ostree::Sysroot;

constexpr const char* kHash = "root:$6$salt$hash:::::::\n";

class FactoryResetTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "deployments need root";
        disk_.add_syslinux();
        old_ = disk_.install(disk_.add_commit("1"), test::kImageOrigin);
        disk_.write(etc(old_, "local"), "mine");
        disk_.write("ostree/deploy/default/var/lib/app/state", "kept");
        disk_.write("ostree/deploy/default/var/lib/osb/factory-of", "stamp");
        record();
    }

    static std::string etc(const Deployment& deployment, const std::string& name) {
        return deployment.id.path() + "/etc/" + name;
    }
    // The record of a --config that has set a user and a file, and has changed a file of the image.
    void record() const {
        const std::string top = image::kInstalledDirectory;
        disk_.write(top + "/default-etc/default", "1");
        disk_.write(top + "/etc/default", "as installed");
        disk_.write(top + "/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
        disk_.write(top + "/etc/shadow", kHash);
        disk_.write(top + "/var/lib/seed", "as installed");
    }
    bool exists(const std::string& below) const {
        return fs::exists(fs::symlink_status(disk_.path() + "/" + below));
    }
    static std::string code_of(const Sysroot& sysroot, const ResetOptions& options = {}) {
        try {
            plan_reset(sysroot, options);
        } catch (const Error& error) {
            return std::string(error.code());
        }
        return {};
    }
    // The checks of the fresh system pass.
    static void pass(Sysroot& sysroot, const Deployment& fresh) {
        EXPECT_EQ(advance_trial(sysroot, TrialEvent::green, {.running = fresh}).verdict,
                  TrialVerdict::passed);
    }

    test::TestSysroot disk_;
    Deployment old_ = test::TestSysroot::no_deployment();
};

TEST_F(FactoryResetTest, TheFreshSystemIsThatOfTheInstallation) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const ResetOutcome outcome = factory_reset(sysroot, {.keep = {"/var/lib/app"}});
    const Deployment& fresh = outcome.deployed.deployment;
    EXPECT_EQ(outcome.deployed.result, DeployResult::on_trial);
    EXPECT_EQ(outcome.plan.logins, std::vector<std::string>{"root"});
    EXPECT_EQ(fresh.id.stateroot, "default-reset-1");
    EXPECT_EQ(fresh.id.commit, old_.id.commit);
    EXPECT_EQ(fresh.kernel_options, (std::vector<std::string>{"root=LABEL=ROOT", "rw", "osb.reset=1"}));
    EXPECT_EQ(sysroot.deployments().front(), old_);
    EXPECT_FALSE(exists(etc(fresh, "local")));
    EXPECT_EQ(disk_.read(etc(fresh, "default")), "as installed");
    EXPECT_EQ(disk_.read(etc(fresh, "shadow")), kHash);
    const std::string var = "ostree/deploy/default-reset-1/var/";
    EXPECT_EQ(disk_.read(var + "lib/app/state"), "kept");
    EXPECT_EQ(disk_.read(var + "lib/seed"), "as installed");
    EXPECT_EQ(disk_.read(etc(old_, "local")), "mine");
    EXPECT_TRUE(roles_of(sysroot).reset_waits);
    EXPECT_THROW(check_no_reset_waits(roles_of(sysroot)), Error);
}

TEST_F(FactoryResetTest, TheOldSystemGoesWhenTheChecksHavePassed) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    // A rollback and a pinned one go, too.
    const DeployOutcome other = deploy_next(sysroot,
                                            {.stateroot = "default",
                                             .commit = disk_.add_commit("2", "another kernel"),
                                             .origin = old_.origin,
                                             .kernel_options = old_.kernel_options,
                                             .merge = old_},
                                            {});
    pass(sysroot, other.deployment);
    sysroot.set_pinned(old_, true);
    const Deployment fresh = factory_reset(sysroot, {.keep = {"/var/lib/osb"}}).deployed.deployment;
    EXPECT_FALSE(exists("ostree/deploy/default-reset-1/var/lib/osb/factory-of"))
        << "osb-var fills /var again";
    EXPECT_EQ(settle_reset(sysroot, true), ResetStep::wait) << "its trial is to come";
    pass(sysroot, fresh);
    EXPECT_EQ(settle_reset(sysroot, false), ResetStep::wait) << "its checks did not pass";
    EXPECT_EQ(settle_reset(sysroot, true), ResetStep::complete);
    ASSERT_EQ(sysroot.deployments().size(), 1U);
    EXPECT_EQ(sysroot.deployments().front(), fresh);
    EXPECT_FALSE(exists("ostree/deploy/default"));
    EXPECT_FALSE(read_reset(disk_.path()));
    for (const auto& entry : fs::directory_iterator(disk_.path() + "/boot/ostree"))
        EXPECT_TRUE(entry.path().filename().string().starts_with("default-reset-1-")) << entry.path();
    EXPECT_EQ(settle_reset(sysroot, true), ResetStep::wait);
    // And once more.
    EXPECT_EQ(factory_reset(sysroot, {}).plan.stateroot, "default-reset-2");
}

TEST_F(FactoryResetTest, ARemovalThatWasInterruptedGoesOn) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Deployment fresh = factory_reset(sysroot, {}).deployed.deployment;
    pass(sysroot, fresh);
    write_deployments(sysroot, {fresh});
    fs::remove_all(disk_.path() + "/ostree/deploy/default/var/lib");
    EXPECT_EQ(settle_reset(sysroot, true), ResetStep::complete);
    EXPECT_FALSE(exists("ostree/deploy/default"));
}

TEST_F(FactoryResetTest, ACancelledOneLeavesNothing) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    factory_reset(sysroot, {});
    EXPECT_EQ(factory_reset(sysroot, {}).plan.stateroot, "default-reset-1") << "replaces the first";
    EXPECT_EQ(roll_back(sysroot).result, RollbackResult::reset_cancelled);
    ASSERT_EQ(sysroot.deployments().size(), 1U);
    EXPECT_EQ(sysroot.deployments().front(), old_);
    EXPECT_FALSE(exists("ostree/deploy/default-reset-1"));
    EXPECT_FALSE(read_trial(sysroot));
    EXPECT_TRUE(read_failed(sysroot).empty());
}

// As after a power cut: a record, and a part of the new stateroot.
TEST_F(FactoryResetTest, RemainsGoWithTheNextChange) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    write_reset(disk_.path(), {.from = "default", .to = "default-reset-1", .is_tried = true, .time = 1});
    EXPECT_EQ(settle_reset(sysroot, false), ResetStep::discard) << "before the stateroot was made";
    write_reset(disk_.path(), {.from = "default", .to = "default-reset-1", .is_tried = true, .time = 1});
    ostree::make_stateroot(sysroot, "default-reset-1");
    EXPECT_THROW(ostree::make_stateroot(sysroot, "default-reset-1"), Error);
    keep_proven(sysroot);
    EXPECT_FALSE(exists("ostree/deploy/default-reset-1"));
    EXPECT_FALSE(read_reset(disk_.path()));
    EXPECT_THROW(ostree::remove_stateroot(sysroot, "default"), Error) << "it has a deployment";
    EXPECT_TRUE(exists("ostree/deploy/default/var"));
}

TEST_F(FactoryResetTest, AFailedOneGoesWithTheNextDeployment) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const Deployment fresh = factory_reset(sysroot, {}).deployed.deployment;
    EXPECT_EQ(advance_trial(sysroot, TrialEvent::red, {.running = fresh, .failure = "no good"}).verdict,
              TrialVerdict::failed);
    EXPECT_EQ(settle_reset(sysroot, true), ResetStep::wait) << "it stays for inspection";
    const Roles roles = roles_of(sysroot);
    EXPECT_FALSE(roles.reset_waits);
    EXPECT_EQ(roles.others, std::vector<Deployment>{fresh});
    EXPECT_FALSE(find_failed(sysroot, "", old_.id.commit)) << "that says nothing about the image";
    deploy_next(sysroot,
                {.stateroot = "default",
                 .commit = disk_.add_commit("2"),
                 .origin = old_.origin,
                 .kernel_options = old_.kernel_options,
                 .merge = old_},
                {});
    EXPECT_FALSE(exists("ostree/deploy/default-reset-1"));
    EXPECT_FALSE(read_reset(disk_.path()));
}

TEST_F(FactoryResetTest, RefusesAFreshSystemWithoutLogins) {
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    EXPECT_EQ(code_of(sysroot), "");
    fs::remove_all(disk_.path() + "/" + image::kInstalledDirectory);
    EXPECT_EQ(code_of(sysroot), "no_login");
    EXPECT_THROW(factory_reset(sysroot, {}), Error);
    EXPECT_FALSE(read_reset(disk_.path())) << "before any change";
    EXPECT_EQ(code_of(sysroot, {.keep = {}, .allow_no_login = true}), "");
    disk_.write(etc(old_, "passwd"), "me:x:1000:1000::/var/home/me:/bin/sh\n");
    disk_.write(etc(old_, "shadow"), "me:*:::::::\n");
    disk_.write("ostree/deploy/default/var/home/me/.ssh/authorized_keys", "ssh-ed25519 AAAA me\n");
    EXPECT_EQ(code_of(sysroot, {.keep = {"/etc/passwd", "/etc/shadow"}}), "no_login")
        << "the key is not kept";
    EXPECT_EQ(code_of(sysroot, {.keep = {"/etc/passwd", "/etc/shadow", "/var/home/me"}}), "");
    const ResetPlan plan = plan_reset(sysroot, {.keep = {"/etc/passwd", "/etc/shadow", "/var/home/me"}});
    EXPECT_EQ(plan.logins, std::vector<std::string>{"me"});
    EXPECT_FALSE(plan.has_record);
}

}  // namespace
}  // namespace osb::system
