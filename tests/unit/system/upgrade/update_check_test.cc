// What `upgrade --check` makes of a trial that is under way, on a sysroot that follows a ref of its own.
#include "system/upgrade/update_check.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include "system/trial/trial_records.hh"
#include "tests/support/test_sysroot.hh"
#include "tests/support/trial_events.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

class UpdateCheckTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "deployments need root";
        disk_.add_syslinux();
        old_ = disk_.install(disk_.add_commit("1"), "[origin]\nrefspec=os/test\n");
        sysroot_.emplace(Sysroot::open_locked(disk_.path()));
        new_ = sysroot_->deploy({.stateroot = old_.id.stateroot,
                                 .commit = disk_.add_commit("2", "kernel of 2"),
                                 .origin = old_.origin,
                                 .kernel_options = {"rw"},
                                 .merge = old_});
        prepare_trial(*sysroot_, new_, {.image = "os/test", .digest = "", .version = "2"});
        sysroot_->write({old_, new_});
    }
    UpdateCheck check() const { return check_update(*sysroot_, {}); }

    test::TestSysroot disk_;
    Deployment old_ = test::TestSysroot::no_deployment();
    Deployment new_ = test::TestSysroot::no_deployment();
    std::optional<Sysroot> sysroot_;
};

TEST_F(UpdateCheckTest, ATrialThatIsArmedIsNothingNew) {
    test::resume_trial(*sysroot_);
    EXPECT_EQ(check().plan.reason, PlanReason::next_on_trial);
    EXPECT_FALSE(check().plan.is_work());
}

TEST_F(UpdateCheckTest, ATrialThatIsPreparedAloneIsSomethingToDo) {
    const UpdateCheck found = check();
    EXPECT_EQ(found.plan.reason, PlanReason::prepared);
    EXPECT_TRUE(found.plan.is_work());
    EXPECT_EQ(found.facts.commit, new_.id.commit);
    EXPECT_EQ(found.facts.release->version, "2");
    EXPECT_EQ(found.bytes_to_fetch, 0U);
}

TEST_F(UpdateCheckTest, ASystemOnTrialTakesNothingNew) {
    // Of a system that does not run, the default counts as what runs.
    sysroot_->write({new_, old_});
    disk_.add_commit("3", "kernel of 3");
    const UpdateCheck found = check();
    EXPECT_EQ(found.plan.reason, PlanReason::on_trial);
    test::lose_trial(*sysroot_);
    EXPECT_TRUE(check().plan.is_work());
}

}  // namespace
}  // namespace osb::system
