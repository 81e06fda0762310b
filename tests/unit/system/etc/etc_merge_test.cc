// /etc of deployments in a sysroot, from a deployment to the first start.
#include "system/etc/etc_merge.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <filesystem>

#include "base/bytes.hh"
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

    EtcMergeResult merge_again(const EtcMergeOptions& options = {}) {
        const auto reports = merge_etc(*sysroot_, options);
        return reports.size() == 1 ? reports.front().result : EtcMergeResult::gone;
    }

    Fd open_made() const {
        return open_at(AT_FDCWD, concat(disk_.path(), '/', made_.id.path()), O_RDONLY | O_DIRECTORY);
    }

    bool is_left(std::string_view name) const {
        return std::filesystem::exists(concat(disk_.path(), '/', made_.id.path(), '/', name));
    }

    // 0 on a filesystem without such flags.
    static int flags_of(const Fd& directory) {
        int flags = 0;
        return ::ioctl(directory.get(), FS_IOC_GETFLAGS, &flags) == 0 ? flags : 0;
    }

    static void make_mutable(const Fd& directory) {
        const int flags = flags_of(directory) & ~FS_IMMUTABLE_FL;
        ::ioctl(directory.get(), FS_IOC_SETFLAGS, &flags);
    }

    EtcMerge record() const { return find_etc_merge(disk_.path(), made_.id).value(); }

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

// A run may end at any moment. After the swap the record still has both fingerprints.
TEST_F(EtcMergeTest, AMergeThatEndsBehindTheSwapIsNoEdit) {
    const EtcMerge first = record();
    disk_.write(etc(old_, "late"), "late");
    EXPECT_EQ(merge_again(), EtcMergeResult::merged);
    const EtcMerge second = record();
    EtcMerge half = first;
    half.next_source = second.source;
    half.next_result = second.result;
    write_etc_merges(disk_.path(), {half});
    EXPECT_EQ(etc_state(*sysroot_, made_.id), EtcState::current);
    EXPECT_EQ(merge_again(), EtcMergeResult::unchanged);
    disk_.write(etc(old_, "late"), "later, and longer");
    EXPECT_EQ(merge_again(), EtcMergeResult::merged);
    EXPECT_EQ(disk_.read(etc(made_, "late")), "later, and longer");
    // Before the swap.
    half = record();
    half.next_source = half.next_result = "of a merge that was not put in place";
    write_etc_merges(disk_.path(), {half});
    EXPECT_EQ(merge_again(), EtcMergeResult::unchanged);
}

TEST_F(EtcMergeTest, AMergeThatIsKilledBehindTheSwapLeavesNothing) {
    const Fd directory = open_made();
    const int before = flags_of(directory);
    make_mutable(directory);
    disk_.write(made_.id.path() + "/.osb-etc-new/shadow", "alice:$6$x");
    EXPECT_EQ(merge_again(), EtcMergeResult::unchanged);
    EXPECT_FALSE(is_left(".osb-etc-new"));
    EXPECT_EQ(flags_of(directory), before);
}

TEST_F(EtcMergeTest, AMergeThatIsKilledBetweenTwoRenamesIsPutBack) {
    const Fd directory = open_made();
    make_mutable(directory);
    disk_.write(made_.id.path() + "/.osb-etc-new/half", "made");
    ASSERT_EQ(::renameat(directory.get(), "etc", directory.get(), ".osb-etc-old"), 0);
    EXPECT_EQ(merge_again({.running = made_.id, .boot_id = "1"}), EtcMergeResult::unchanged);
    EXPECT_EQ(disk_.read(etc(made_, "local")), "mine");
    EXPECT_FALSE(is_left(".osb-etc-old") || is_left(".osb-etc-new"));
}

TEST_F(EtcMergeTest, StatusTellsAnEditFromAChangeThatIsPending) {
    EXPECT_EQ(etc_state(*sysroot_, made_.id), EtcState::current);
    disk_.write(etc(old_, "late"), "late");
    EXPECT_EQ(etc_state(*sysroot_, made_.id), EtcState::pending);
    disk_.write(etc(made_, "own"), "own");
    EXPECT_EQ(etc_state(*sysroot_, made_.id), EtcState::edited);
}

TEST_F(EtcMergeTest, TheFirstStartTakesOverWhatChanged) {
    disk_.write(etc(old_, "late"), "late");
    EXPECT_EQ(merge_again({.running = made_.id, .boot_id = "1"}), EtcMergeResult::caught_up);
    EXPECT_EQ(disk_.read(etc(made_, "late")), "late");
    EXPECT_FALSE(find_etc_merge(disk_.path(), made_.id));
}

TEST_F(EtcMergeTest, TheFirstStartKeepsEdits) {
    disk_.write(etc(old_, "late"), "late");
    disk_.write(etc(made_, "default"), "a new password");
    EXPECT_EQ(merge_again({.running = made_.id, .boot_id = "1"}), EtcMergeResult::edited);
    EXPECT_EQ(disk_.read(etc(made_, "default")), "a new password");
}

TEST_F(EtcMergeTest, AFirstStartThatWasCutOffIsRepeated) {
    disk_.write(etc(old_, "late"), "late");
    EtcMerge half = record();
    half.is_started = half.is_catching_up = true;
    half.boot_id = "1";
    write_etc_merges(disk_.path(), {half});
    disk_.write(etc(made_, "default"), "half");
    EXPECT_EQ(merge_again({.running = made_.id, .boot_id = "2"}), EtcMergeResult::caught_up);
    EXPECT_EQ(disk_.read(etc(made_, "default")), "2");
    // An error ended it: in this boot only.
    half.is_catching_up = false;
    write_etc_merges(disk_.path(), {half});
    disk_.write(etc(made_, "default"), "a new password");
    EXPECT_EQ(merge_again({.running = made_.id, .boot_id = "2"}), EtcMergeResult::edited);
    EXPECT_EQ(disk_.read(etc(made_, "default")), "a new password");
    write_etc_merges(disk_.path(), {half});
    EXPECT_EQ(merge_again({.running = made_.id, .boot_id = "1"}), EtcMergeResult::caught_up);
}

TEST_F(EtcMergeTest, ASystemThatStopsTakesOverNothing) {
    disk_.write(etc(old_, "late"), "late");
    EXPECT_TRUE(merge_etc(*sysroot_, {.running = made_.id, .is_waiting_only = true}).empty());
    EXPECT_EQ(disk_.read(etc(made_, "late")), "");
}

TEST_F(EtcMergeTest, ASecondTryStartsWithWhatTheOldSystemHasThen) {
    const EtcMergeOptions in_trial{.running = made_.id, .boot_id = "1", .on_trial = made_.id};
    disk_.write(etc(old_, "late"), "late");
    EXPECT_EQ(merge_again(in_trial), EtcMergeResult::caught_up);
    disk_.write(etc(made_, "by-service"), "of the first try");
    EXPECT_EQ(merge_again(in_trial), EtcMergeResult::unchanged);
    // It ends without a verdict; the old system runs again.
    disk_.write(etc(old_, "late"), "locked");
    EXPECT_EQ(merge_again({.running = old_.id, .boot_id = "2", .on_trial = made_.id}),
              EtcMergeResult::merged);
    EXPECT_EQ(disk_.read(etc(made_, "late")), "locked");
    EXPECT_EQ(disk_.read(etc(made_, "by-service")), "");
    EXPECT_EQ(merge_again({.running = old_.id, .boot_id = "2", .on_trial = made_.id}),
              EtcMergeResult::unchanged);
    EXPECT_EQ(merge_again(in_trial), EtcMergeResult::unchanged);
    EXPECT_FALSE(forget_etc_merge(*sysroot_, made_.id)) << "boot-check: it has passed, and lacks nothing";
}

TEST_F(EtcMergeTest, WithoutATrialOneThatWasStartedIsOnItsOwn) {
    EtcMerge started = record();
    started.is_started = true;
    write_etc_merges(disk_.path(), {started});
    disk_.write(etc(old_, "late"), "late");
    EXPECT_EQ(merge_again({.running = old_.id, .boot_id = "2"}), EtcMergeResult::unchanged);
    EXPECT_EQ(disk_.read(etc(made_, "late")), "");
    EXPECT_TRUE(read_etc_merges(disk_.path()).empty());
}

TEST_F(EtcMergeTest, AChangeThatHidesItsTimeIsSeen) {
    const std::string path = disk_.path() + "/" + etc(old_, "local");
    const auto time = std::filesystem::last_write_time(path);
    disk_.write(etc(old_, "local"), "MINE");
    std::filesystem::last_write_time(path, time);
    EXPECT_TRUE(is_etc_pending(*sysroot_, made_.id));
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
    const Fd directory = open_made();
    const int before = flags_of(directory);
    if ((before & FS_IMMUTABLE_FL) == 0) GTEST_SKIP() << "no such flags here";
    disk_.write(etc(old_, "late"), "late");
    EXPECT_EQ(merge_again(), EtcMergeResult::merged);
    EXPECT_EQ(flags_of(directory), before);
}

}  // namespace
}  // namespace osb::system
