// Trials on a sysroot in a directory: what the records say, and what the bootloader would start. How a
// machine goes through one is shown by tests/system.
#include "system/trial/trial.hh"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.hh"
#include "base/escape.hh"
#include "image/boot/boot_menu.hh"
#include "system/trial/boot_once.hh"
#include "system/trial/trial_menu.hh"
#include "system/trial/trial_records.hh"
#include "system/trial/trial_support.hh"
#include "tests/support/small_file.hh"
#include "tests/support/temp_directory.hh"
#include "tests/support/test_sysroot.hh"
#include "tests/support/trial_events.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

const std::string kChecksum(64, 'a');
const ostree::CommitId kCommit = ostree::CommitId::parse(kChecksum);

Trial some_trial() {
    return {.id = "0123456789abcdef",
            .deployment = {.stateroot = "default", .commit = kCommit, .serial = 1},
            .subject = {.image = "docker://quay.io/x/os:1", .digest = "sha256:1", .version = "1 \"x\"\n\xff"},
            .state = TrialState::armed,
            .time = 1700000000,
            .boot_id = "boot"};
}

class RecordsTest : public ::testing::Test {
  protected:
    RecordsTest() : records_(directory_.path()) {
        std::filesystem::create_directories(directory_ / "ostree");
    }
    std::string file(const std::string& name) const { return directory_ / ("ostree/osb-oci/" + name); }
    void put(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories(directory_ / "ostree/osb-oci");
        test::put_file(file(name), text);
    }
    std::string trial_text() const {
        records_.set_trial(some_trial());
        return test::get_file(file("trial.json"));
    }
    // The text of a trial with one thing replaced.
    std::optional<Trial> with(const std::string& what, const std::string& replacement) const {
        std::string text = trial_text();
        const std::size_t at = text.find(what);
        EXPECT_NE(at, std::string::npos) << what << " in " << text;
        put("trial.json", text.replace(at, what.size(), replacement));
        return records_.trial();
    }

    test::TempDirectory directory_;
    TrialRecords records_;
};

TEST_F(RecordsTest, NothingIsThereAndNothingIsMade) {
    EXPECT_FALSE(records_.trial());
    EXPECT_FALSE(records_.stage());
    EXPECT_TRUE(records_.failed().empty());
    records_.remove_trial();
    EXPECT_FALSE(std::filesystem::exists(directory_ / "ostree/osb-oci"));
}

TEST_F(RecordsTest, ATrialIsReadAsItWasWritten) {
    const ::mode_t mask = ::umask(077);
    records_.set_trial(some_trial());
    ::umask(mask);
    const std::optional<Trial> read = records_.trial();
    ASSERT_TRUE(read);
    EXPECT_EQ(read->id, some_trial().id);
    EXPECT_EQ(read->deployment.serial, 1);
    EXPECT_EQ(read->state, TrialState::armed);
    EXPECT_EQ(read->subject.digest, "sha256:1");
    EXPECT_EQ(read->subject.version, "1 \"x\"\n\xef\xbf\xbd");
    EXPECT_EQ(read->time, 1700000000);
    EXPECT_EQ(read->boot_id, "boot");
    struct stat info {};
    ASSERT_EQ(::stat(file("trial.json").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0644U);
    EXPECT_FALSE(std::filesystem::exists(file(".trial.json.new")));
    records_.remove_trial();
    EXPECT_FALSE(records_.trial());
}

// An image chooses its version, and whoever names it the rest.
TEST_F(RecordsTest, WhateverAnImageIsCalledTheRecordCanBeRead) {
    const std::string euro = "\xe2\x82\xac";
    std::string euros;
    for (int i = 0; i < 2000; ++i) euros += euro;
    for (const std::string& version :
         {euros, "x" + euros, "xx" + euros, std::string(100'000, '\xff'), "\xf0\x9f\x98" + euros,
          std::string(5000, '\x01'), std::string(255, 'x') + "\xff", std::string(254, 'x') + euro}) {
        Trial trial = some_trial();
        trial.subject = {.image = version, .digest = version, .version = version};
        trial.boot_id = version;
        records_.set_trial(trial);
        const std::optional<Trial> read = records_.trial();
        ASSERT_TRUE(read) << escape(version, 100);
        EXPECT_EQ(read->state, TrialState::armed);
        EXPECT_LE(read->subject.version.size(), 256U);
        EXPECT_GE(read->subject.version.size(), 252U);
        EXPECT_TRUE(is_utf8(read->subject.version));
        // Written again, it stays what it is.
        records_.set_trial(*read);
        EXPECT_EQ(records_.trial()->subject.version, read->subject.version);

        const FailedTrial failure{
            .deployment = trial.deployment, .subject = trial.subject, .reason = version};
        records_.set_failed(std::vector<FailedTrial>(kMaxFailed, failure));
        EXPECT_EQ(records_.failed().size(), kMaxFailed) << escape(version, 100);

        records_.set_stage({.id = trial.id, .name = "checking", .boot_id = "b", .detail = version});
        EXPECT_TRUE(records_.stage()) << escape(version, 100);
    }
    Trial trial = some_trial();
    trial.subject.version = "1\xe2\x82\xac";
    records_.set_trial(trial);
    EXPECT_EQ(records_.trial()->subject.version, "1\xe2\x82\xac");
}

TEST_F(RecordsTest, WhatCouldNotBeReadAgainIsNotWritten) {
    records_.set_trial(some_trial());
    const std::string before = test::get_file(file("trial.json"));
    Trial trial = some_trial();
    trial.deployment.stateroot = "a\x1b";
    EXPECT_THROW(records_.set_trial(trial), Error);
    EXPECT_EQ(test::get_file(file("trial.json")), before);
    EXPECT_THROW(records_.set_failed({FailedTrial{.deployment = {.stateroot = "", .commit = kCommit}}}),
                 Error);
    EXPECT_THROW(records_.set_stage({.id = "x", .name = "checking", .boot_id = {}, .detail = {}}), Error);
    EXPECT_FALSE(std::filesystem::exists(file("failed.json")));
    EXPECT_FALSE(std::filesystem::exists(file("trial-stage")));
}

TEST_F(RecordsTest, WhatIsMalformedIsTakenForNone) {
    EXPECT_TRUE(with("armed", "prepared"));
    EXPECT_FALSE(with("armed", "winning"));
    EXPECT_FALSE(with("0123456789abcdef", "0123456789ABCDEF"));
    EXPECT_FALSE(with("0123456789abcdef", "x panic=0"));
    EXPECT_FALSE(with("\"default\"", "\"../x\""));
    EXPECT_FALSE(with("\"default\"", "\"\""));
    EXPECT_FALSE(with("\"default\"", "17"));
    EXPECT_FALSE(with(kChecksum, "abc"));
    EXPECT_FALSE(with("\"serial\": 1", "\"serial\": -1"));
    EXPECT_FALSE(with("\"serial\": 1", "\"serial\": 4294967297"));
    EXPECT_FALSE(with("\"serial\": 1", "\"serial\": 18446744073709551615"));
    EXPECT_FALSE(with("\"serial\": 1", "\"serial\": 1.5"));
    EXPECT_FALSE(with("\"schema\": 1", "\"schema\": 2"));
    EXPECT_FALSE(with("\"boot_id\": \"boot\",", ""));
    EXPECT_FALSE(with("sha256:1", std::string(5000, 'x')));
    for (const char* text : {"", "[]", "null", "{", "{}", "\xff"}) {
        put("trial.json", text);
        EXPECT_FALSE(records_.trial()) << text;
    }
    put("trial.json", trial_text() + std::string(1UL << 20U, ' '));
    EXPECT_FALSE(records_.trial());
}

TEST_F(RecordsTest, WhatIsNoFileIsTakenForNone) {
    std::filesystem::create_directories(file("trial.json"));
    EXPECT_FALSE(records_.trial());
    std::filesystem::remove(file("trial.json"));
    ASSERT_EQ(::mkfifo(file("trial.json").c_str(), 0600), 0);
    EXPECT_FALSE(records_.trial());
    std::filesystem::remove(file("trial.json"));
    put("other", trial_text());
    std::filesystem::remove(file("trial.json"));
    std::filesystem::create_symlink("other", file("trial.json"));
    EXPECT_FALSE(records_.trial());
}

TEST_F(RecordsTest, OfFailuresTheLatestAreKept) {
    std::vector<FailedTrial> failed;
    for (int i = 0; i < 20; ++i)
        failed.push_back(
            {.deployment = {.stateroot = "default", .commit = kCommit, .serial = i}, .reason = "r"});
    records_.set_failed(failed);
    ASSERT_EQ(records_.failed().size(), kMaxFailed);
    EXPECT_EQ(records_.failed().back().deployment.serial, 19);
    records_.set_failed({});
    EXPECT_FALSE(std::filesystem::exists(file("failed.json")));
}

TEST_F(RecordsTest, TheStageOfTheInitramfs) {
    put("trial-stage", "0123456789abcdef init 1-2-3\n");
    std::optional<TrialStage> stage = records_.stage();
    ASSERT_TRUE(stage);
    EXPECT_EQ(stage->name, "init");
    EXPECT_EQ(stage->boot_id, "1-2-3");
    EXPECT_EQ(stage->detail, "");
    put("trial-stage", "0123456789abcdef checking b 20-x\x1b y\nmore");
    stage = records_.stage();
    ASSERT_TRUE(stage);
    EXPECT_EQ(stage->detail, "20-x\\x1b y");
    for (const char* text : {"", "\n", "0123456789abcdef\n", "xyz init b\n", "0123456789abcdef \x01 b\n"}) {
        put("trial-stage", text);
        EXPECT_FALSE(records_.stage()) << text;
    }
    records_.set_stage({.id = "0123456789abcdef", .name = "checking", .boot_id = "b", .detail = "a b"});
    stage = records_.stage();
    ASSERT_TRUE(stage);
    EXPECT_EQ(stage->detail, "a b");
}

// Two deployments, the second not proven.
class TrialTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "deployments need root";
        disk_.add_syslinux();
        old_ = disk_.install(disk_.add_commit("1"), {});
        sysroot_.emplace(Sysroot::open_locked(disk_.path()));
        new_ = sysroot_->deploy({.stateroot = old_.id.stateroot,
                                 .commit = disk_.add_commit("2", "kernel of 2"),
                                 .origin = {},
                                 .kernel_options = {"rw", "second=yes"},
                                 .merge = old_});
    }
    void begin() {
        prepare_trial(*sysroot_, new_, {.image = "x", .digest = "sha256:2", .version = "2"});
        sysroot_->write({old_, new_});
        test::resume_trial(*sysroot_);
    }
    // The menu's part for a label.
    std::string menu_of(const std::string& label) const {
        const std::string menu = disk_.read("boot/extlinux/entries.conf");
        const std::size_t at = menu.find("LABEL " + label + "\n");
        if (at == std::string::npos) return {};
        return menu.substr(at, menu.find("\nLABEL", at) - at);
    }
    std::string boot_once() const { return read_boot_once(sysroot_->boot()); }

    test::TestSysroot disk_;
    Deployment old_ = test::TestSysroot::no_deployment();
    Deployment new_ = test::TestSysroot::no_deployment();
    std::optional<Sysroot> sysroot_;
};

TEST_F(TrialTest, TheLabelStartsTheNewOneWithMoreArguments) {
    begin();
    const std::string entry = menu_of("trial");
    EXPECT_NE(entry.find("MENU HIDE"), std::string::npos) << entry;
    EXPECT_NE(entry.find("second=yes"), std::string::npos) << entry;
    EXPECT_NE(entry.find("panic=10 oops=panic softlockup_panic=1 osb.trial=" + read_trial(*sysroot_)->id),
              std::string::npos)
        << entry;
    EXPECT_EQ(boot_once(), "trial");
    const std::string menu = disk_.read("boot/extlinux/entries.conf");
    const std::size_t at = menu.find("DEFAULT ") + 8;
    const std::string first = menu_of(menu.substr(at, menu.find('\n', at) - at));
    EXPECT_EQ(first.find("second=yes"), std::string::npos) << first;
}

TEST_F(TrialTest, WithoutATrialTheLabelIsTheDefault) {
    begin();
    test::lose_trial(*sysroot_);
    const std::string entry = menu_of("trial");
    EXPECT_NE(entry.find("root=LABEL=ROOT"), std::string::npos) << entry;
    EXPECT_EQ(entry.find("osb.trial"), std::string::npos) << entry;
    EXPECT_EQ(boot_once(), "");
    EXPECT_TRUE(read_failed(*sysroot_).empty());
    EXPECT_EQ(sysroot_->deployments().size(), 2U);
}

// What the initramfs starts when the default does not come up.
TEST_F(TrialTest, TheFallbackIsAProvenOneThatIsThere) {
    begin();
    EXPECT_EQ(menu_of("fallback"), "") << "the other one is on trial";
    test::pass_trial(*sysroot_);
    EXPECT_NE(menu_of("fallback"), "");
    EXPECT_EQ(menu_of("fallback").find("second=yes"), std::string::npos) << "it starts the old one";
    TrialRecords(disk_.path()).set_failed({{.deployment = old_.id, .reason = "r"}});
    write_menu(*sysroot_);
    EXPECT_EQ(menu_of("fallback"), "") << "one that has failed is no fallback";
    TrialRecords(disk_.path()).set_failed({});
    sysroot_->set_origin(old_, "[osb-oci]\nuntried=true\n");
    write_menu(*sysroot_);
    EXPECT_EQ(menu_of("fallback"), "") << "nor one that was never tried";
    sysroot_->set_origin(old_, "[origin]\nx=y\n");
    write_menu(*sysroot_);
    EXPECT_NE(menu_of("fallback"), "");
    std::filesystem::rename(disk_.path() + "/ostree/deploy/default", disk_.path() + "/ostree/deploy/moved");
    write_menu(*sysroot_);
    EXPECT_EQ(menu_of("fallback"), "") << "nor one that is gone";
    std::filesystem::rename(disk_.path() + "/ostree/deploy/moved", disk_.path() + "/ostree/deploy/default");
}

// libostree rewrites no entries then; only links change what they stand for.
TEST_F(TrialTest, TheEntryIsFoundWhereKernelAndArgumentsAreTheSame) {
    new_ = sysroot_->deploy({.stateroot = old_.id.stateroot,
                             .commit = disk_.add_commit("3"),
                             .origin = {},
                             .kernel_options = old_.kernel_options,
                             .merge = old_});
    begin();
    const auto is_first = [&] {
        const std::string entry = menu_of("trial");
        return entry.find("/0 panic=10") != std::string::npos;
    };
    EXPECT_FALSE(is_first()) << menu_of("trial");
    sysroot_->write({new_, old_});
    write_menu(*sysroot_);
    EXPECT_TRUE(is_first()) << menu_of("trial");
}

TEST_F(TrialTest, PassedItIsFirstAndNoLongerBad) {
    begin();
    test::fail_trial(*sysroot_, "it was the weather");
    EXPECT_TRUE(find_failed(*sysroot_, "", new_.id.commit));
    begin();
    // A new trial of the same deployment: the failure is that of an earlier one.
    EXPECT_FALSE(read_failed(*sysroot_).front().is_of(new_));
    test::pass_trial(*sysroot_);
    EXPECT_TRUE(sysroot_->deployments().front() == new_);
    EXPECT_FALSE(find_failed(*sysroot_, "sha256:2", new_.id.commit));
    EXPECT_FALSE(read_trial(*sysroot_));
    EXPECT_EQ(boot_once(), "");
    EXPECT_NE(menu_of("trial").find("second=yes"), std::string::npos);
    EXPECT_EQ(menu_of("trial").find("osb.trial"), std::string::npos);
}

TEST_F(TrialTest, FailedItIsRememberedAndNeverFirst) {
    begin();
    sysroot_->write({new_, old_});  // somebody did that by hand
    test::fail_trial(*sysroot_, "x\x1b[2J");
    EXPECT_TRUE(sysroot_->deployments().front() == old_);
    ASSERT_TRUE(find_failed(*sysroot_, "sha256:2", std::nullopt));
    EXPECT_EQ(find_failed(*sysroot_, "sha256:2", std::nullopt)->reason, "x\\x1b[2J");
    EXPECT_EQ(boot_once(), "");
    EXPECT_FALSE(find_failed(*sysroot_, "", std::nullopt));
}

TEST_F(TrialTest, FailedKernelArgumentsAreNoFailureOfTheCommit) {
    prepare_trial(*sysroot_, new_, {});
    sysroot_->write({old_, new_});
    test::fail_trial(*sysroot_, "bad arguments");
    EXPECT_TRUE(read_failed(*sysroot_).front().is_of(new_));
    EXPECT_FALSE(find_failed(*sysroot_, "", new_.id.commit));
}

TEST_F(TrialTest, AfterAPowerCutTheFirstReasonHolds) {
    begin();
    const std::string record = disk_.read("ostree/osb-oci/trial.json");
    test::fail_trial(*sysroot_, "the first");
    disk_.write("ostree/osb-oci/trial.json", record);
    test::fail_trial(*sysroot_, "the second");
    EXPECT_EQ(read_failed(*sysroot_).size(), 1U);
    EXPECT_EQ(read_failed(*sysroot_).front().reason, "the first");
    EXPECT_FALSE(read_trial(*sysroot_));
}

TEST_F(TrialTest, ResumedItIsArmedAgain) {
    begin();
    clear_boot_once(sysroot_->boot(), "trial");
    test::resume_trial(*sysroot_);
    EXPECT_EQ(boot_once(), "trial");
    EXPECT_EQ(read_trial(*sysroot_)->state, TrialState::armed);
    sysroot_->write({old_});
    test::resume_trial(*sysroot_);  // of what is gone
    EXPECT_FALSE(read_trial(*sysroot_));
    EXPECT_EQ(boot_once(), "");
}

TEST_F(TrialTest, SupportNeedsOurMenuAndSyslinux) {
    EXPECT_TRUE(trial_support(*sysroot_).supported);
    EXPECT_TRUE(can_end_trial(*sysroot_, new_));
    disk_.write("boot/extlinux/ldlinux.sys", "short");
    EXPECT_FALSE(trial_support(*sysroot_).supported);
    EXPECT_FALSE(trial_support(*sysroot_).reason.empty());
    disk_.add_syslinux();
    disk_.write("boot/extlinux/extlinux.conf", "# INCLUDE /extlinux/entries.conf\nINCLUDE /loader/x\n");
    EXPECT_FALSE(trial_support(*sysroot_).supported);
    const std::string before = disk_.read("boot/extlinux/entries.conf");
    write_menu(*sysroot_);
    EXPECT_EQ(disk_.read("boot/extlinux/entries.conf"), before);
    disk_.write("boot/extlinux/extlinux.conf", "  include /extlinux/entries.conf\n");
    EXPECT_TRUE(trial_support(*sysroot_).supported);
}

}  // namespace
}  // namespace osb::system
