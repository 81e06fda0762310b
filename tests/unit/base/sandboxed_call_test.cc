#include "base/sandboxed_call.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/fd.hh"
#include "base/helper_call.hh"
#include "base/interrupt.hh"
#include "base/landlock.hh"
#include "tests/support/temp_directory.hh"

namespace osb {
namespace {

class SandboxedCallTest : public testing::Test {
  protected:
    SandboxedCallTest() {
        std::filesystem::create_directories(temporary_ / "inside");
        rules_.writable = {temporary_ / "inside"};
        rules_.temporary_parent = temporary_.path();
    }

    void SetUp() override {
        if (landlock_version() < kOldestLandlock) GTEST_SKIP() << "this kernel has no Landlock";
    }

    std::string call(const std::function<std::string()>& function) const {
        return call_in_sandbox(rules_, SandboxMode::require, function);
    }
    Error error_of(const std::function<std::string()>& function) const {
        try {
            static_cast<void>(call(function));
        } catch (const Error& error) {
            return error;
        }
        return {ErrorKind::internal, "nothing was thrown"};
    }

    test::TempDirectory temporary_;
    SandboxRules rules_;
};

TEST_F(SandboxedCallTest, ReturnsTheResult) {
    const std::string large(300000, 'x');
    EXPECT_EQ(call([&] { return large; }), large);
    EXPECT_EQ(call([] { return std::string("a\0b\n", 4); }), std::string("a\0b\n", 4));
    EXPECT_EQ(call([] { return ""; }), "");
}

TEST_F(SandboxedCallTest, IsAnotherProcessInASandbox) {
    const std::string outside = temporary_ / "file";
    const std::string inside = temporary_ / "inside/file";
    const std::string said = call([&] {
        const auto can_make = [](const std::string& path) {
            return Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) ? "made " : "refused ";
        };
        return concat(can_make(inside), can_make(outside), ::getpid());
    });
    EXPECT_TRUE(said.starts_with("made refused ")) << said;
    EXPECT_NE(said, concat("made refused ", ::getpid()));
    EXPECT_FALSE(has_helper());
    EXPECT_TRUE(std::ofstream(outside).good()) << "this process is not limited";
}

// Nothing outlives the process that is waited for.
TEST_F(SandboxedCallTest, StartsNoProcess) {
    EXPECT_EQ(call([] {
                  std::string out;
                  const pid_t pid = ::fork();
                  if (pid == 0) ::_exit(0);
                  if (pid > 0 || errno != EPERM) out += "fork";
                  if (::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr) >= 0) out += "clone";
                  return out;
              }),
              "");
}

// As the configuration of a repository beside its objects.
TEST_F(SandboxedCallTest, FilesBesideWhatItChangesStay) {
    const std::string top = temporary_ / "inside";
    std::filesystem::create_directories(top + "/a");
    std::ofstream(top + "/config") << "before";
    rules_.writable = {top + "/a"};
    rules_.made = {{.path = top + "/made", .parents = false}};
    rules_.files = {top + "/lock"};
    rules_.touched = {top};
    const auto opens = [&top](const char* name, int flags) {
        return static_cast<bool>(Fd(::open((top + name).c_str(), flags | O_CLOEXEC, 0600)));
    };
    const auto renames = [&top](const char* from, const char* to) {
        return ::rename((top + from).c_str(), (top + to).c_str()) == 0;
    };
    EXPECT_EQ(call([&] {
                  std::string out;
                  const auto expect = [&out](bool holds, const char* what) { out += holds ? "" : what; };
                  expect(opens("/lock", O_RDWR), "lock ");
                  expect(opens("/a/new", O_WRONLY | O_CREAT), "create ");
                  expect(renames("/a/new", "/made/new"), "rename ");
                  expect(::utimensat(AT_FDCWD, top.c_str(), nullptr, 0) == 0, "times ");
                  expect(!opens("/new", O_WRONLY | O_CREAT), "beside ");
                  expect(!opens("/config", O_WRONLY), "write ");
                  expect(!renames("/made/new", "/config"), "replace ");
                  expect(::unlink((top + "/config").c_str()) != 0, "remove ");
                  expect(::unlink((top + "/lock").c_str()) != 0, "remove the lock ");
                  return out;
              }),
              "");
    std::string text;
    std::ifstream(top + "/config") >> text;
    EXPECT_EQ(text, "before");
}

// As the objects of a repository, to which the files of deployments are hard links.
TEST_F(SandboxedCallTest, WhatIsInExchangedFilesStays) {
    if (landlock_version() < 3) GTEST_SKIP() << "this kernel's Landlock does not limit truncation";
    const std::string top = temporary_ / "inside";
    std::filesystem::create_directories(top + "/objects/ab");
    std::filesystem::create_directories(top + "/tmp/dir");
    std::ofstream(top + "/objects/ab/file") << "before";
    std::filesystem::create_hard_link(top + "/objects/ab/file", temporary_ / "deployed");
    rules_.writable.clear();
    rules_.made = {
        {.path = top + "/objects", .parents = false, .change = SandboxRules::Made::Change::exchange},
        {.path = top + "/tmp", .parents = false}};
    rules_.touched = {top};
    EXPECT_EQ(call([&] {
                  std::string out;
                  const auto expect = [&out](bool holds, const char* what) { out += holds ? "" : what; };
                  const auto opens = [&top](const char* name, int flags) {
                      return static_cast<bool>(Fd(::open((top + name).c_str(), flags | O_CLOEXEC, 0600)));
                  };
                  const auto moves = [&top](auto call, const char* from, const char* to) {
                      return call((top + from).c_str(), (top + to).c_str()) == 0;
                  };
                  expect(!opens("/objects/ab/file", O_WRONLY), "write ");
                  expect(!opens("/objects/ab/file", O_RDWR), "read and write ");
                  expect(::truncate((top + "/objects/ab/file").c_str(), 0) != 0, "cut ");
                  expect(!moves(::rename, "/objects/ab/file", "/tmp/file"), "move back ");
                  expect(!moves(::rename, "/objects/ab", "/tmp/ab"), "move its directory ");
                  expect(!moves(::link, "/objects/ab/file", "/tmp/file"), "link ");
                  expect(opens("/tmp/new", O_WRONLY | O_CREAT), "create ");
                  expect(moves(::link, "/tmp/new", "/objects/ab/linked"), "link there ");
                  expect(moves(::rename, "/tmp/new", "/objects/ab/new"), "move there ");
                  expect(::unlink((top + "/objects/ab/file").c_str()) == 0, "remove ");
                  return out;
              }),
              "");
    std::string text;
    std::ifstream(temporary_ / "deployed") >> text;
    EXPECT_EQ(text, "before");
}

// As the refs of a repository, which other processes write and list.
TEST_F(SandboxedCallTest, NoLinkGetsWhereNoneMayBe) {
    const std::string top = temporary_ / "inside";
    std::filesystem::create_directories(top + "/refs/a");
    std::filesystem::create_directories(top + "/tmp/dir");
    rules_.writable.clear();
    rules_.made = {
        {.path = top + "/refs", .parents = false, .change = SandboxRules::Made::Change::without_links},
        {.path = top + "/tmp", .parents = false}};
    rules_.touched = {top};
    EXPECT_EQ(
        call([&] {
            std::string out;
            const auto expect = [&out](bool holds, const char* what) { out += holds ? "" : what; };
            const auto renames = [&top](const char* from, const char* to) {
                return ::rename((top + from).c_str(), (top + to).c_str()) == 0;
            };
            expect(::symlink("/", (top + "/refs/link").c_str()) != 0, "make ");
            expect(::symlink("/", (top + "/tmp/dir/link").c_str()) == 0, "make elsewhere ");
            expect(!renames("/tmp/dir/link", "/refs/link"), "move ");
            expect(!renames("/tmp/dir", "/refs/dir"), "move its directory ");
            expect(
                Fd(::open((top + "/refs/a/.new").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)).get() >= 0,
                "create ");
            expect(renames("/refs/a/.new", "/refs/a/b"), "rename ");
            return out;
        }),
        "");
}

TEST_F(SandboxedCallTest, HasNoDescriptorsOfThisProcess) {
    const Fd file(::open((temporary_ / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    const Fd high(::fcntl(file.get(), F_DUPFD_CLOEXEC, 200));
    EXPECT_EQ(call([&] {
                  std::string out;
                  for (const int number : {file.get(), high.get()}) {
                      if (::write(number, "x", 1) == 1) out += concat(number, ' ');
                  }
                  // A result is not printed by accident.
                  struct stat st {};
                  return concat(out, ::fstat(STDOUT_FILENO, &st) == 0 && S_ISCHR(st.st_mode) ? "null" : "");
              }),
              "null");
    EXPECT_EQ(file_size(file.get()), 0U);
}

// The helper began with the descriptors of this process, also with numbers that requests use.
TEST_F(SandboxedCallTest, TheHelpersFunctionsHaveThem) {
    std::vector<Fd> files;
    std::string expected;
    for (int i = 0; i < 8; ++i) {
        const std::string path = temporary_ / concat("file", i);
        std::ofstream(path) << i;
        files.push_back(open_at(AT_FDCWD, path, O_RDONLY));
        expected += concat(i);
    }
    rules_.helper.functions["read"] = [&files](const std::string& input) {
        std::string out = input;
        for (const Fd& file : files) {
            char byte = 0;
            out.push_back(::pread(file.get(), &byte, 1, 0) == 1 ? byte : '?');
        }
        return out;
    };
    EXPECT_EQ(call([] { return call_helper("read", "in:"); }), "in:" + expected);
}

TEST_F(SandboxedCallTest, ThrowsWhatTheFunctionThrows) {
    const Error error = error_of([]() -> std::string {
        throw Error(ErrorKind::no_space, "the disk is full").code("some_code").hint("buy another");
    });
    EXPECT_EQ(error.kind(), ErrorKind::no_space);
    EXPECT_EQ(error.code(), "some_code");
    EXPECT_EQ(error.message(), "the disk is full");
    EXPECT_EQ(error.hint(), "buy another");
    const Error other = error_of([]() -> std::string { throw std::runtime_error("other"); });
    EXPECT_EQ(other.kind(), ErrorKind::internal);
    EXPECT_EQ(other.message(), "other");
}

TEST_F(SandboxedCallTest, ACrashIsAnError) {
    const Error killed = error_of([]() -> std::string {
        ::kill(::getpid(), SIGKILL);
        return "";
    });
    EXPECT_EQ(killed.kind(), ErrorKind::internal);
    EXPECT_NE(killed.message().find("ended by signal 9"), std::string::npos) << killed.message();
    const Error ended = error_of([]() -> std::string { ::_exit(3); });
    EXPECT_NE(ended.message().find("exit status 3"), std::string::npos) << ended.message();
}

TEST_F(SandboxedCallTest, ATooLongResultIsRefused) {
    EXPECT_EQ(error_of([] { return std::string(kMaxSandboxedResult + 1, 'x'); }).kind(),
              ErrorKind::too_large);
}

TEST_F(SandboxedCallTest, AStopReachesTheOtherProcess) {
    install_interrupt_handlers();
    const std::string stopped = temporary_ / "inside/stopped";
    rules_.helper.functions["stop"] = [pid = ::getpid()](const std::string&) {
        return ::kill(pid, SIGTERM) == 0 ? "" : "cannot send a signal";
    };
    EXPECT_THROW(call([&]() -> std::string {
                     try {
                         static_cast<void>(call_helper("stop", ""));
                         while (true) {
                             check_interrupt();
                             std::this_thread::sleep_for(std::chrono::milliseconds(10));
                         }
                     } catch (const Interrupted&) {
                         std::ofstream{stopped};
                         throw;
                     }
                 }),
                 Interrupted);
    set_interrupted(0);
    EXPECT_TRUE(std::filesystem::exists(stopped)) << "it could tidy up";
}

// Asks `process` to stop until the one whose number the file holds has ended. Returns 0 if that was enough.
int stop_until_it_ends(pid_t process, const std::string& file) {
    pid_t pid = 0;
    while (pid == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        std::ifstream(file) >> pid;
    }
    // The first one may come before the process waits.
    for (int i = 0; i < 30 && ::kill(pid, 0) == 0; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        ::kill(process, SIGTERM);
    }
    return ::kill(pid, SIGKILL) == 0 ? 1 : 0;
}

// One that was taken over may answer and stay.
TEST_F(SandboxedCallTest, AStopEndsAProcessThatDoesNotEnd) {
    struct sigaction often {};
    struct sigaction before {};
    often.sa_handler = set_interrupted;
    ASSERT_EQ(::sigaction(SIGTERM, &often, &before), 0);
    const std::string note = temporary_ / "inside/pid";
    const pid_t self = ::getpid();
    const pid_t user = ::fork();
    if (user == 0) ::_exit(stop_until_it_ends(self, note));
    EXPECT_THROW(call([&]() -> std::string {
                     static_cast<void>(::signal(SIGTERM, SIG_DFL));
                     std::ofstream(note + ".new") << ::getpid() << '\n';
                     std::filesystem::rename(note + ".new", note);
                     for (int number = STDERR_FILENO + 1; number < 256; ++number) ::close(number);
                     while (true) ::pause();
                 }),
                 Interrupted);
    int status = -1;
    while (::waitpid(user, &status, 0) < 0 && errno == EINTR) continue;
    EXPECT_EQ(status, 0) << "it had to be killed";
    ASSERT_EQ(::sigaction(SIGTERM, &before, nullptr), 0);
    set_interrupted(0);
}

TEST_F(SandboxedCallTest, NothingIsLeft) {
    EXPECT_EQ(call([] { return "x"; }), "x");
    for (const auto& entry : std::filesystem::directory_iterator(temporary_.path()))
        EXPECT_EQ(entry.path().filename(), "inside");
}

TEST_F(SandboxedCallTest, OffIsAPlainCall) {
    EXPECT_EQ(call_in_sandbox({}, SandboxMode::off, [] { return concat(::getpid()); }), concat(::getpid()));
}

}  // namespace
}  // namespace osb
