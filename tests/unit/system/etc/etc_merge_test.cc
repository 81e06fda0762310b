// /etc of deployments in a sysroot, from a deployment to the first start.
#include "system/etc/etc_merge.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <filesystem>

#include "base/fd.hh"
#include "system/etc/etc_record.hh"
#include "tests/support/test_sysroot.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

class EtcMergeTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "deployments need root";
        old_ = disk_.install(disk_.add_commit("1"), test::kImageOrigin);
        sysroot_.emplace(Sysroot::open_locked(disk_.path()));
        disk_.write(etc(old_, "local"), "mine");
        made_ = deploy("2", old_);
    }

    static std::string etc(const Deployment& deployment, const std::string& name) {
        return deployment.id.path() + "/etc/" + name;
    }

    // As deploy_next() does.
    Deployment deploy(const std::string& version, const Deployment& from) {
        const Deployment made = sysroot_->deploy({.stateroot = from.id.stateroot,
                                                  .commit = disk_.add_commit(version),
                                                  .origin = from.origin,
                                                  .kernel_options = from.kernel_options,
                                                  .merge = std::nullopt});
        notes_ = merge_new_etc(*sysroot_, from, made);
        sysroot_->write({old_, made});
        return made;
    }

    EtcMergeResult merge_again() {
        const auto reports = merge_etc(*sysroot_);
        return reports.size() == 1 ? reports.front().result : EtcMergeResult::gone;
    }

    test::TestSysroot disk_;
    Deployment old_ = test::TestSysroot::no_deployment();
    Deployment made_ = test::TestSysroot::no_deployment();
    std::optional<Sysroot> sysroot_;
    std::vector<std::string> notes_;
};

TEST_F(EtcMergeTest, ANewDeploymentHasTheMachinesChanges) {
    EXPECT_EQ(disk_.read(etc(made_, "local")), "mine");
    EXPECT_EQ(disk_.read(etc(made_, "default")), "2");
    EXPECT_TRUE(notes_.empty());
    EXPECT_FALSE(is_etc_pending(*sysroot_, made_.id));
    EXPECT_EQ(merge_again(), EtcMergeResult::unchanged);
}

TEST_F(EtcMergeTest, ALaterChangeIsPendingUntilItIsMerged) {
    disk_.write(etc(old_, "late"), "late");
    std::filesystem::remove(disk_.path() + "/" + etc(old_, "local"));
    EXPECT_TRUE(is_etc_pending(*sysroot_, made_.id));
    EXPECT_EQ(merge_again(), EtcMergeResult::merged);
    EXPECT_EQ(disk_.read(etc(made_, "late")), "late");
    EXPECT_EQ(disk_.read(etc(made_, "local")), "");
    EXPECT_EQ(disk_.read(etc(made_, "default")), "2");
    EXPECT_FALSE(is_etc_pending(*sysroot_, made_.id));
    EXPECT_EQ(merge_again(), EtcMergeResult::unchanged);
}

TEST_F(EtcMergeTest, ADeploymentWithChangesOfItsOwnIsLeftAlone) {
    disk_.write(etc(old_, "late"), "late");
    disk_.write(etc(made_, "own"), "own");
    EXPECT_EQ(merge_again(), EtcMergeResult::edited);
    EXPECT_EQ(disk_.read(etc(made_, "own")), "own");
    EXPECT_EQ(disk_.read(etc(made_, "late")), "");
}

TEST_F(EtcMergeTest, AfterItsStartItIsOnItsOwn) {
    disk_.write(etc(old_, "late"), "late");
    EXPECT_TRUE(forget_etc_merge(*sysroot_, made_.id)) << "it has not got the change";
    EXPECT_FALSE(is_etc_pending(*sysroot_, made_.id));
    EXPECT_TRUE(merge_etc(*sysroot_).empty());
    EXPECT_FALSE(forget_etc_merge(*sysroot_, made_.id));
}

TEST_F(EtcMergeTest, AnotherOneIsMergedFromTheSystemThatRuns) {
    disk_.write(etc(old_, "late"), "late");
    const Deployment next = deploy("3", made_);
    EXPECT_EQ(disk_.read(etc(next, "late")), "late") << "the one between has no changes of its own";
    const auto record = find_etc_merge(disk_.path(), next.id);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->from, old_.id);
    disk_.write(etc(next, "own"), "own");
    EXPECT_EQ(disk_.read(etc(deploy("4", next), "own")), "own") << "one that was edited counts";
}

TEST_F(EtcMergeTest, WithoutTheSystemItCameFromNothingIsDone) {
    disk_.write(etc(old_, "late"), "late");
    sysroot_->write({made_});
    EXPECT_FALSE(is_etc_pending(*sysroot_, made_.id));
    EXPECT_EQ(merge_again(), EtcMergeResult::gone);
}

TEST_F(EtcMergeTest, ARecordThatIsNotWellFormedIsNone) {
    disk_.write("ostree/osb-oci/etc-merges.json", "{");
    EXPECT_TRUE(read_etc_merges(disk_.path()).empty());
    EXPECT_TRUE(merge_etc(*sysroot_).empty());
}

TEST_F(EtcMergeTest, TheDirectoryOfTheDeploymentStaysImmutable) {
    const Fd directory = open_at(AT_FDCWD, disk_.path() + "/" + made_.id.path(), O_RDONLY | O_DIRECTORY);
    int before = 0;
    if (::ioctl(directory.get(), FS_IOC_GETFLAGS, &before) != 0) GTEST_SKIP() << "no such flags here";
    disk_.write(etc(old_, "late"), "late");
    EXPECT_EQ(merge_again(), EtcMergeResult::merged);
    int after = 0;
    EXPECT_EQ(::ioctl(directory.get(), FS_IOC_GETFLAGS, &after), 0);
    EXPECT_EQ(before, after);
}

}  // namespace
}  // namespace osb::system
