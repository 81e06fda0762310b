// What a boot makes of a trial, on a sysroot in a directory: each state that a power cut can leave.
#include "system/check/boot_check.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <filesystem>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/fd.hh"
#include "base/stream.hh"
#include "system/trial/boot_count.hh"
#include "system/trial/boot_once.hh"
#include "system/trial/panic_record.hh"
#include "system/trial/trial.hh"
#include "system/trial/trial_records.hh"
#include "tests/support/small_file.hh"
#include "tests/support/temp_directory.hh"
#include "tests/support/test_sysroot.hh"
#include "tests/support/trial_events.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

CheckReport report_of(bool ok) {
    CheckReport report;
    report.results.push_back({.name = "10-a", .required = true, .ok = ok, .message = "m", .duration = {}});
    return report;
}
const CheckReport kGreen = report_of(true);
const CheckReport kRed = report_of(false);

class BootCheckTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "deployments need root";
        disk_.add_syslinux();
        old_ = disk_.install(disk_.add_commit("1"), {});
        sysroot_.emplace(Sysroot::open_locked(disk_.path()));
        new_ = sysroot_->deploy({.stateroot = old_.id.stateroot,
                                 .commit = disk_.add_commit("2", "kernel of 2"),
                                 .origin = {},
                                 .kernel_options = {"rw"},
                                 .merge = old_});
        prepare_trial(*sysroot_, new_, {.image = "x", .digest = "sha256:2", .version = "2"});
        sysroot_->write({old_, new_});
        test::resume_trial(*sysroot_);
    }
    // The machine is restarted: the loader clears its boot-once.
    void restart() {
        clear_boot_once(sysroot_->boot(), "trial");
        change([](Trial& trial) { trial.boot_id = "another"; });
    }
    template<typename Change>
    void change(const Change& what) {
        const TrialRecords records(disk_.path());
        std::optional<Trial> trial = records.trial();
        ASSERT_TRUE(trial);
        what(*trial);
        records.set_trial(*trial);
    }
    void stage(const std::string& name, const std::string& detail = {}) {
        TrialRecords(disk_.path())
            .set_stage({.id = read_trial(*sysroot_)->id, .name = name, .boot_id = "b", .detail = detail});
    }
    std::string reason() const {
        const std::optional<FailedTrial> failure = find_failed(*sysroot_, "sha256:2", std::nullopt);
        return failure ? failure->reason : "";
    }
    bool is_settled() const { return observe_trial(*sysroot_, std::nullopt, {}).is_settled(); }
    // The next try without a verdict is the last.
    void use_up_retry() {
        change([](Trial& trial) { trial.attempt = 2; });
    }
    TrialOutcome settle(const Deployment& booted, const CheckReport& report, const std::string& panic = {}) {
        return settle_boot(*sysroot_, {.running = booted, .failure = report.failure(), .panic = panic});
    }

    test::TestSysroot disk_;
    Deployment old_ = test::TestSysroot::no_deployment();
    Deployment new_ = test::TestSysroot::no_deployment();
    std::optional<Sysroot> sysroot_;
};

TEST_F(BootCheckTest, Green) {
    restart();
    const TrialOutcome settled = settle(new_, kGreen);
    EXPECT_EQ(settled.verdict, TrialVerdict::passed);
    EXPECT_FALSE(settled.restart);
    EXPECT_TRUE(sysroot_->deployments().front() == new_);
    EXPECT_TRUE(is_settled());
    EXPECT_EQ(settle(new_, kRed).verdict, TrialVerdict::none);
    EXPECT_TRUE(sysroot_->deployments().front() == new_);
}

TEST_F(BootCheckTest, Red) {
    restart();
    const TrialOutcome settled = settle(new_, kRed);
    EXPECT_EQ(settled.verdict, TrialVerdict::failed);
    EXPECT_TRUE(settled.restart);
    EXPECT_TRUE(sysroot_->deployments().front() == old_);
    EXPECT_EQ(reason(), "check '10-a' failed: m");
    EXPECT_TRUE(is_settled());
    // The old system comes, and what is known stays.
    EXPECT_EQ(settle(old_, kRed).verdict, TrialVerdict::none);
    EXPECT_EQ(reason(), "check '10-a' failed: m");
}

TEST_F(BootCheckTest, RedWithNothingElseToStart) {
    restart();
    sysroot_->write({new_});
    const TrialOutcome settled = settle(new_, kRed);
    EXPECT_EQ(settled.verdict, TrialVerdict::failed);
    EXPECT_FALSE(settled.restart);
    EXPECT_EQ(reason(), "");
}

TEST_F(BootCheckTest, TheOldSystemComesWithoutAStage) {
    restart();
    // A panic is a verdict of its own: there is no other try.
    EXPECT_EQ(settle(old_, kGreen, "Kernel panic - x").verdict, TrialVerdict::failed);
    EXPECT_EQ(reason(),
              "the kernel or the initramfs did not mount the root filesystem; the kernel reported: Kernel "
              "panic - x");
    EXPECT_TRUE(is_settled());
}

TEST_F(BootCheckTest, TheStageSaysHowFarItCame) {
    const std::vector<std::pair<std::string, std::string>> expected{
        {"root", "the initramfs mounted the root filesystem, but did not start the system"},
        {"init", "the system started, but its health check did not run"},
        {"checking", "the health check did not end: it was at check '20-b'"},
        {"repeated", "the bootloader started it a second time (the first time it reached '20-b')"}};
    for (const auto& [name, words] : expected) {
        const std::string record = disk_.read("ostree/osb-oci/trial.json");
        restart();
        use_up_retry();
        stage(name, "20-b");
        EXPECT_EQ(settle(old_, kGreen).verdict, TrialVerdict::failed);
        EXPECT_EQ(reason(), words);
        TrialRecords(disk_.path()).set_failed({});
        disk_.write("ostree/osb-oci/trial.json", record);
    }
}

TEST_F(BootCheckTest, AStageOfAnotherKindSaysNothing) {
    restart();
    use_up_retry();
    stage("init");
    std::string text = disk_.read("ostree/osb-oci/trial-stage");
    disk_.write("ostree/osb-oci/trial-stage", text.replace(text.find("init"), 4, "else"));
    EXPECT_EQ(settle(old_, kGreen).verdict, TrialVerdict::failed);
    EXPECT_EQ(reason(), "the kernel or the initramfs did not mount the root filesystem");
}

TEST_F(BootCheckTest, TheStageOfAnotherTrialSaysNothing) {
    restart();
    use_up_retry();
    TrialRecords(disk_.path())
        .set_stage({.id = "ffffffffffffffff", .name = "checking", .boot_id = "b", .detail = {}});
    settle(old_, kGreen);
    EXPECT_EQ(reason(), "the kernel or the initramfs did not mount the root filesystem");
}

TEST_F(BootCheckTest, BeforeTheRestartNothingHappens) {
    EXPECT_EQ(settle(old_, kRed).verdict, TrialVerdict::to_come);
    EXPECT_EQ(read_trial(*sysroot_)->state, TrialState::armed);
    EXPECT_EQ(read_boot_once(sysroot_->boot()), "trial");
    // Nor when the machine was started in another way than by SYSLINUX.
    change([](Trial& trial) { trial.boot_id = "another"; });
    EXPECT_EQ(settle(old_, kRed).verdict, TrialVerdict::to_come);
    EXPECT_EQ(reason(), "");
}

TEST_F(BootCheckTest, APowerCutWhileItWasArmedIsNoFailure) {
    restart();
    change([](Trial& trial) {
        trial.state = TrialState::prepared;
        trial.boot_id.clear();
    });
    EXPECT_EQ(settle(old_, kGreen).verdict, TrialVerdict::to_come);
    EXPECT_EQ(reason(), "");
    // The bootloader is told now: nobody else may be there to do it.
    ASSERT_TRUE(read_trial(*sysroot_));
    EXPECT_EQ(read_trial(*sysroot_)->state, TrialState::armed);
    EXPECT_EQ(read_boot_once(sysroot_->boot()), "trial");
    EXPECT_EQ(settle(old_, kGreen).verdict, TrialVerdict::to_come);
}

TEST_F(BootCheckTest, APowerCutWhileItWasArmedAndItWasStarted) {
    restart();
    change([](Trial& trial) {
        trial.state = TrialState::prepared;
        trial.boot_id.clear();
        trial.attempt = 2;
    });
    stage("root");
    EXPECT_EQ(settle(old_, kGreen).verdict, TrialVerdict::failed);
    EXPECT_NE(reason(), "");
}

TEST_F(BootCheckTest, ATrialWithoutAVerdictGetsOneMoreTry) {
    restart();
    stage("init");
    const std::string first = read_trial(*sysroot_)->id;
    EXPECT_EQ(settle(old_, kRed).verdict, TrialVerdict::to_come);
    EXPECT_EQ(reason(), "");
    EXPECT_EQ(read_boot_once(sysroot_->boot()), "trial");
    EXPECT_EQ(read_trial(*sysroot_)->state, TrialState::armed);
    EXPECT_NE(read_trial(*sysroot_)->id, first);
    EXPECT_NE(disk_.read("boot/extlinux/entries.conf").find("osb.trial=" + read_trial(*sysroot_)->id),
              std::string::npos);
    restart();
    stage("checking", "20-b");
    EXPECT_EQ(settle(old_, kGreen).verdict, TrialVerdict::failed);
    EXPECT_EQ(reason(), "the health check did not end: it was at check '20-b'");
    EXPECT_TRUE(is_settled());
}

// Before boot-check of the old system has noticed.
TEST_F(BootCheckTest, AnUpgradeDoesNotGoRoundTheLimitOfTries) {
    for (const TrialEvent event : {TrialEvent::resume, TrialEvent::replace, TrialEvent::rollback}) {
        const std::string record = disk_.read("ostree/osb-oci/trial.json");
        restart();
        use_up_retry();
        stage("init");
        EXPECT_EQ(advance_trial(*sysroot_, event, {.running = old_}).verdict, TrialVerdict::failed);
        EXPECT_EQ(reason(), "the system started, but its health check did not run");
        EXPECT_NE(read_boot_once(sysroot_->boot()), "trial");
        TrialRecords(disk_.path()).set_failed({});
        disk_.write("ostree/osb-oci/trial.json", record);
    }
    // The first end without a verdict leaves one more try, under another id.
    restart();
    const std::string first = read_trial(*sysroot_)->id;
    stage("init");
    EXPECT_EQ(test::resume_trial(*sysroot_).verdict, TrialVerdict::to_come);
    EXPECT_NE(read_trial(*sysroot_)->id, first);
    EXPECT_EQ(read_trial(*sysroot_)->attempt, 2);
}

// The device does not answer, or BOOT is not mounted.
TEST_F(BootCheckTest, ABootloaderThatCannotBeReadSaysNothing) {
    restart();
    std::filesystem::remove(disk_.path() + "/boot/extlinux/ldlinux.sys");
    EXPECT_EQ(settle(old_, kGreen).verdict, TrialVerdict::to_come);
    EXPECT_EQ(read_trial(*sysroot_)->state, TrialState::armed);
    EXPECT_EQ(read_trial(*sysroot_)->attempt, 1);
    EXPECT_EQ(reason(), "");
}

TEST_F(BootCheckTest, AKernelThatIsNotWhatWasWrittenIsWrittenAgain) {
    restart();
    change([](Trial& trial) { trial.state = TrialState::prepared; });
    const std::string kernel = "boot/ostree/default-" + new_.boot_checksum + "/vmlinuz-6.1.0";
    ASSERT_EQ(disk_.read(kernel), "kernel of 2");
    // Not through a link to the object, which this BOOT shares a filesystem with.
    std::filesystem::remove(disk_.path() + "/" + kernel);
    disk_.write(kernel, "kernel of 3");
    EXPECT_EQ(settle(old_, kGreen).verdict, TrialVerdict::to_come);
    EXPECT_EQ(disk_.read(kernel), "kernel of 2");
    EXPECT_EQ(read_boot_once(sysroot_->boot()), "trial");
    // One that is gone is not: what else is?
    clear_boot_once(sysroot_->boot(), "trial");
    change([](Trial& trial) { trial.state = TrialState::prepared; });
    std::filesystem::remove(disk_.path() + "/" + kernel);
    EXPECT_EQ(settle(old_, kGreen).verdict, TrialVerdict::to_come);
    EXPECT_EQ(read_boot_once(sysroot_->boot()), "");
    EXPECT_EQ(read_trial(*sysroot_)->state, TrialState::prepared);
    EXPECT_THROW(test::resume_trial(*sysroot_), Error);
}

// Power fails after each step of each change; the next start of the old system brings it in order.
TEST_F(BootCheckTest, EveryInterruptedStepIsCompleted) {
    const std::string trial = disk_.read("ostree/osb-oci/trial.json");
    for (const bool is_green : {true, false}) {
        const TrialInput input{.running = new_, .failure = is_green ? "" : "red", .panic = {}};
        const TrialEvent event = is_green ? TrialEvent::green : TrialEvent::red;
        std::size_t last = 1;
        for (std::size_t cut = 0; cut <= last; ++cut) {
            SCOPED_TRACE(concat(is_green ? "green, cut after step " : "red, cut after step ", cut));
            TrialRecords(disk_.path()).set_failed({});
            sysroot_->write({old_, new_});
            disk_.write("ostree/osb-oci/trial.json", trial);
            restart();
            use_up_retry();
            TrialObservation seen = observe_trial(*sysroot_, new_, {});
            const std::vector<TrialStep>& steps = find_trial_rule(seen.facts, event).steps;
            last = steps.size();
            for (std::size_t i = 0; i < cut; ++i) apply_trial_step(*sysroot_, steps[i], seen, input.failure);
            settle(old_, kGreen);
            EXPECT_TRUE(is_settled());
            const bool is_default = sysroot_->deployments().front() == new_;
            EXPECT_TRUE(is_green || !is_default);
            EXPECT_TRUE(!is_green || cut < 2 || is_default);
            EXPECT_NE(is_default, !reason().empty());
        }
    }
}

// As the initramfs leaves it after three starts of the default that went nowhere.
TEST_F(BootCheckTest, AFallbackBecomesTheDefault) {
    test::pass_trial(*sysroot_);
    ASSERT_TRUE(sysroot_->deployments().front() == new_);
    disk_.write("ostree/osb-oci/starts", concat(old_.id.commit, ".0 1 b\n"));
    settle(new_, kGreen);
    EXPECT_EQ(disk_.read("ostree/osb-oci/starts"), "");
    const std::string note = concat(new_.id.commit, '.', new_.id.serial, " 4 b\n");
    disk_.write("ostree/osb-oci/fallback-used", note);
    settle(new_, kGreen);  // it came up after all
    EXPECT_TRUE(sysroot_->deployments().front() == new_);
    EXPECT_FALSE(has_fallen_back(*sysroot_));
    disk_.write("ostree/osb-oci/fallback-used", note);
    EXPECT_TRUE(has_fallen_back(*sysroot_));
    settle(old_, kGreen);
    EXPECT_TRUE(sysroot_->deployments().front() == old_);
    EXPECT_FALSE(has_fallen_back(*sysroot_));
    const std::vector<FailedTrial> failed = read_failed(*sysroot_);
    ASSERT_EQ(failed.size(), 1U);
    EXPECT_TRUE(failed[0].is_of(new_));
    EXPECT_EQ(failed[0].reason, "three starts in a row did not reach the health check");
    // Not of the default: somebody had chosen it in the menu.
    TrialRecords(disk_.path()).set_failed({});
    disk_.write("ostree/osb-oci/fallback-used", note);
    settle(old_, kGreen);
    EXPECT_TRUE(sysroot_->deployments().front() == old_);
    EXPECT_TRUE(read_failed(*sysroot_).empty());
    // Nor by a system whose own checks fail.
    sysroot_->write({new_, old_});
    disk_.write("ostree/osb-oci/fallback-used", note);
    settle(old_, kRed);
    EXPECT_TRUE(sysroot_->deployments().front() == new_);
    settle(old_, kGreen);
    EXPECT_TRUE(sysroot_->deployments().front() == old_);
    for (const char* text : {"", "x", "\xff y\n"}) {
        disk_.write("ostree/osb-oci/fallback-used", text);
        settle(old_, kGreen);
        EXPECT_FALSE(has_fallen_back(*sysroot_));
    }
    EXPECT_EQ(read_failed(*sysroot_).size(), 1U);
}

TEST_F(BootCheckTest, ATrialBeforeItsRecordSaysSo) {
    restart();
    change([](Trial& trial) { trial.state = TrialState::prepared; });
    EXPECT_EQ(settle(new_, kGreen).verdict, TrialVerdict::passed);
    EXPECT_TRUE(sysroot_->deployments().front() == new_);
}

TEST_F(BootCheckTest, ABootloaderThatCannotBeToldIsNoFault) {
    restart();
    change([](Trial& trial) { trial.state = TrialState::prepared; });
    std::filesystem::remove(disk_.path() + "/boot/extlinux/ldlinux.sys");
    EXPECT_EQ(settle(old_, kGreen).verdict, TrialVerdict::to_come);
    EXPECT_EQ(read_trial(*sysroot_)->state, TrialState::prepared);
    EXPECT_EQ(reason(), "");
}

TEST_F(BootCheckTest, APowerCutWhileItWasMadeTheDefault) {
    restart();
    change([](Trial& trial) { trial.state = TrialState::passed; });
    EXPECT_FALSE(is_settled());
    EXPECT_EQ(settle(old_, kRed).verdict, TrialVerdict::passed);
    EXPECT_TRUE(sysroot_->deployments().front() == new_);
    EXPECT_TRUE(is_settled());
    EXPECT_EQ(reason(), "");
}

TEST_F(BootCheckTest, ATrialThatTheLoaderRepeatsIsOver) {
    restart();
    stage("repeated", "init");
    const TrialOutcome settled = settle(new_, kGreen);
    EXPECT_EQ(settled.verdict, TrialVerdict::failed);
    EXPECT_TRUE(settled.restart);
    EXPECT_TRUE(sysroot_->deployments().front() == old_);
}

TEST_F(BootCheckTest, ATrialOfWhatIsNotDeployedIsForgotten) {
    restart();
    sysroot_->write({old_});
    EXPECT_EQ(settle(old_, kGreen).verdict, TrialVerdict::none);
    EXPECT_FALSE(read_trial(*sysroot_));
    EXPECT_EQ(reason(), "");
    EXPECT_TRUE(is_settled());
}

TEST_F(BootCheckTest, AMenuOfBeforeAPowerCutIsWrittenAnew) {
    test::lose_trial(*sysroot_);
    const std::string right = disk_.read("boot/extlinux/entries.conf");
    ASSERT_TRUE(is_settled());
    disk_.write("boot/extlinux/entries.conf", "DEFAULT old\n");
    EXPECT_FALSE(is_settled());
    settle(old_, kGreen);
    EXPECT_EQ(disk_.read("boot/extlinux/entries.conf"), right);
    std::filesystem::remove(disk_.path() + "/boot/extlinux/entries.conf");
    settle(old_, kGreen);
    EXPECT_EQ(disk_.read("boot/extlinux/entries.conf"), right);
}

TEST_F(BootCheckTest, ABootOnceThatBelongsToNothingIsCleared) {
    test::lose_trial(*sysroot_);
    set_boot_once(sysroot_->boot(), "trial");
    EXPECT_FALSE(is_settled());
    settle(old_, kGreen);
    EXPECT_EQ(read_boot_once(sysroot_->boot()), "");
    set_boot_once(sysroot_->boot(), "mine");
    EXPECT_TRUE(is_settled());
    settle(old_, kGreen);
    EXPECT_EQ(read_boot_once(sysroot_->boot()), "mine");
}

TEST(StopWatchdog, WritesToThePipeAndToNothingElse) {
    const test::TempDirectory directory;
    stop_watchdog(directory.path());
    test::put_file(directory / "watchdog", "a file");
    stop_watchdog(directory.path());
    EXPECT_EQ(test::get_file(directory / "watchdog"), "a file");
    std::filesystem::remove(directory / "watchdog");
    ASSERT_EQ(::mkfifo((directory / "watchdog").c_str(), 0600), 0);
    stop_watchdog(directory.path());  // nobody reads
    FdSource source(Fd(::open((directory / "watchdog").c_str(), O_RDWR | O_CLOEXEC)), "pipe");
    stop_watchdog(directory.path());
    std::array<std::uint8_t, 5> said{};
    EXPECT_EQ(read_full(source, said), 5U);
    EXPECT_EQ(as_text(said), "stop\n");
    EXPECT_FALSE(std::filesystem::exists(directory / "watchdog"));
}

TEST(PanicRecord, IsTheLineWithTheReason) {
    const test::TempDirectory directory;
    EXPECT_EQ(find_panic(directory.path(), 100), "");
    EXPECT_EQ(find_panic(directory / "none", 100), "");
    test::put_file(directory / "console-x", "<6>[ 1.0] hello\n");
    EXPECT_EQ(find_panic(directory.path(), 100), "");
    test::put_file(directory / "dmesg-x",
                   "<0>[ 2.0] Kernel panic - not syncing: \x1b VFS\n<0>[ 2.1] CPU: 0\n");
    EXPECT_EQ(find_panic(directory.path(), 100), "Kernel panic - not syncing: \\x1b VFS");
    const auto found_at = [&directory](std::time_t age) {
        // Of the clock that find_panic() reads: others may be a tick ahead of it.
        const timespec time{.tv_sec = std::time(nullptr) - age, .tv_nsec = 0};
        const std::array<timespec, 2> times{time, time};
        EXPECT_EQ(::utimensat(AT_FDCWD, (directory / "dmesg-x").c_str(), times.data(), 0), 0);
        return !find_panic(directory.path(), 100).empty();
    };
    EXPECT_FALSE(found_at(3600));
    EXPECT_FALSE(found_at(-3600));
    EXPECT_TRUE(found_at(-1));
}

TEST(ReadBootCheck, WhatIsMalformedIsNone) {
    const test::TempDirectory directory;
    EXPECT_FALSE(read_boot_check(directory.path()));
    for (const char* text : {"", "[]", "{}", R"({"healthy":1,"time":1,"failure":""})"}) {
        test::put_file(directory / "boot-check.json", text);
        EXPECT_FALSE(read_boot_check(directory.path())) << text;
    }
    test::put_file(directory / "boot-check.json", R"({"healthy":false,"time":17,"failure":"x\u001b"})");
    const std::optional<BootCheckSummary> read = read_boot_check(directory.path());
    ASSERT_TRUE(read);
    EXPECT_FALSE(read->healthy);
    EXPECT_EQ(read->time, 17);
    EXPECT_EQ(read->failure, "x\\x1b");
}

TEST(ReadBootProblem, IsOneLineUntilBootIsThere) {
    const test::TempDirectory directory;
    const std::string boot = directory / "boot";
    EXPECT_EQ(read_boot_problem(directory.path(), boot), "");
    test::put_file(directory / "boot-problem", "/boot is not mounted: \x1b why\n");
    EXPECT_EQ(read_boot_problem(directory.path(), boot), "/boot is not mounted: ? why");
    std::filesystem::create_directories(boot + "/loader");
    EXPECT_EQ(read_boot_problem(directory.path(), boot), "");
}

}  // namespace
}  // namespace osb::system
