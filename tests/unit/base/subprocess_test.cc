#include "base/subprocess.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>

#include "base/error.hh"
#include "base/fd.hh"
#include "base/interrupt.hh"
#include "tests/support/held_process.hh"

namespace osb {
namespace {

using std::chrono::milliseconds;

SubprocessOptions shell(const std::string& script) {
    return {.argv = {"sh", "-c", script}, .environment = {}, .inherited = {}};
}

template<typename F>
Error thrown_by(F&& f) {
    try {
        f();
    } catch (const Error& error) {
        return error;
    }
    ADD_FAILURE() << "no Error was thrown";
    return {ErrorKind::internal, "none"};
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

struct TestPipe {
    TestPipe() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno("pipe2");
        reader = Fd(ends[0]);
        writer = Fd(ends[1]);
    }
    std::string read_rest() {
        writer.close();
        FdSource source(std::move(reader), "test pipe");
        return read_all(source, 1U << 20U, "test pipe");
    }
    Fd reader;
    Fd writer;
};

TEST(Subprocess, MissingProgramIsNotFound) {
    const Error error = thrown_by([] {
        const Subprocess child({.argv = {"osb-no-such-program"}, .environment = {}, .inherited = {}});
    });
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_TRUE(contains(error.message(), "'osb-no-such-program'")) << error.message();
}

TEST(Subprocess, EmptyArgvIsRefused) {
    EXPECT_THROW(Subprocess({.argv = {}, .environment = {}, .inherited = {}}), Error);
}

TEST(Subprocess, SuccessIsSilent) {
    Subprocess child(shell("exit 0"));
    EXPECT_NO_THROW(child.wait());
}

TEST(Subprocess, FailureShowsStatusAndEscapedStandardError) {
    Subprocess child(shell("printf 'it \\033[31mbroke' >&2; exit 3"));
    const Error error = thrown_by([&] { child.wait(); });
    EXPECT_EQ(error.kind(), ErrorKind::io);
    EXPECT_EQ(error.message(), "'sh' failed with exit status 3: it \\x1b[31mbroke");
}

TEST(Subprocess, SignalIsReported) {
    Subprocess child(shell("kill -9 $$"));
    EXPECT_EQ(thrown_by([&] { child.wait(); }).message(), "'sh' failed with signal 9");
}

TEST(Subprocess, TalkativeChildNeverBlocksAndTheEndIsKept) {
    // More than any pipe holds.
    Subprocess child(
        shell("i=0; while [ $i -lt 3000 ]; do echo 'a line of some sixty bytes, over and over, to fill' >&2;"
              " i=$((i+1)); done; echo THE-END >&2"));
    child.wait();
    const std::string tail = child.stderr_tail();
    EXPECT_EQ(tail.size(), Subprocess::kStderrTail);
    EXPECT_TRUE(tail.ends_with("THE-END\n"));
}

TEST(Subprocess, WaitForComesBackWhileTheChildRuns) {
    Subprocess child(shell("exec sleep 60"));
    EXPECT_FALSE(child.wait_for(milliseconds(30)).has_value());
    EXPECT_EQ(::kill(child.pid(), 0), 0);
}

TEST(Subprocess, DestructionKillsAndReaps) {
    pid_t pid = -1;
    {
        const Subprocess child(shell("trap '' TERM INT; exec sleep 60"));
        pid = child.pid();
    }
    // No zombie is left: waitpid knows of no such child.
    EXPECT_EQ(::waitpid(pid, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
    EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(Subprocess, TerminateGivesTimeToEndByItself) {
    Subprocess child(shell("sleep 0.05; exit 7"));
    child.terminate(milliseconds(5000));
    const auto state = child.wait_for(milliseconds(0));
    ASSERT_TRUE(state.has_value());
    EXPECT_EQ(state->to_string(), "exit status 7");
}

TEST(Subprocess, OneThatDoesNotEndEvenKilledIsGivenUp) {
    const auto start = std::chrono::steady_clock::now();
    std::optional<Subprocess> child(shell("echo said >&2; exec sleep 60"));
    std::optional<test::HeldProcess> held(child->pid());
    if (!held->is_held()) GTEST_SKIP() << "tracing is forbidden here";
    EXPECT_FALSE(child->terminate(milliseconds(0), milliseconds(50)));
    EXPECT_FALSE(child->wait_for(milliseconds(0)).has_value());
    // Not waited for again: the limit is 5 s now.
    EXPECT_FALSE(child->terminate(milliseconds(0)));
    held.reset();
    const auto state = child->wait_for(milliseconds(5000));
    ASSERT_TRUE(state.has_value());
    EXPECT_EQ(state->to_string(), "signal 9");
    EXPECT_TRUE(child->terminate(milliseconds(0)));

    child.emplace(shell("exec sleep 60"));
    const pid_t pid = child->pid();
    held.emplace(pid);
    EXPECT_FALSE(child->terminate(milliseconds(0), milliseconds(50)));
    child.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(4000));
    held.reset();
    EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
}

TEST(Subprocess, GrandchildThatKeepsStandardErrorOpenDoesNotHoldUp) {
    const auto start = std::chrono::steady_clock::now();
    Subprocess child(shell("sleep 3 & echo $! >&2; exit 0"));
    child.wait();
    const pid_t grandchild = std::stoi(child.stderr_tail());
    EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(2000));
    EXPECT_EQ(::kill(grandchild, SIGKILL), 0);
}

TEST(Subprocess, EnvironmentIsAddedToAndReplaced) {
    ASSERT_EQ(::setenv("OSB_TEST_KEPT", "kept", 1), 0);
    ASSERT_EQ(::setenv("OSB_TEST_REPLACED", "old", 1), 0);
    SubprocessOptions options = shell("echo $OSB_TEST_KEPT $OSB_TEST_REPLACED $OSB_TEST_NEW >&2");
    options.environment = {{"OSB_TEST_REPLACED", "new"}, {"OSB_TEST_NEW", "added"}};
    Subprocess child(options);
    child.wait();
    EXPECT_EQ(child.stderr_tail(), "kept new added\n");
    ::unsetenv("OSB_TEST_KEPT");
    ::unsetenv("OSB_TEST_REPLACED");
}

TEST(Subprocess, InheritedDescriptorsGetTheirNumbersEvenWhenTheyCross) {
    TestPipe first;
    TestPipe second;
    SubprocessOptions options = shell("echo three >&3; echo four >&4");
    // Numbers that are in use on our side, too.
    options.inherited = {{first.writer.get(), 3}, {second.writer.get(), 4}};
    Subprocess child(options);
    child.wait();
    EXPECT_EQ(first.read_rest(), "three\n");
    EXPECT_EQ(second.read_rest(), "four\n");
}

TEST(Subprocess, NothingElseIsInherited) {
    const TestPipe pipe;
    struct stat st {};
    ASSERT_EQ(::fstat(pipe.reader.get(), &st), 0);
    Subprocess child(shell("ls -l /proc/self/fd >&2"));
    child.wait();
    EXPECT_TRUE(contains(child.stderr_tail(), "/dev/null")) << child.stderr_tail();
    EXPECT_FALSE(contains(child.stderr_tail(), concat("pipe:[", st.st_ino, "]"))) << child.stderr_tail();
}

TEST(Subprocess, StandardInputIsEmptyAndSignalsAreDefault) {
    struct sigaction ignore {};
    struct sigaction before {};
    ignore.sa_handler = SIG_IGN;
    ASSERT_EQ(::sigaction(SIGPIPE, &ignore, &before), 0);
    Subprocess child(shell("cat; kill -PIPE $$; exit 0"));
    const auto state = child.wait_for(milliseconds(5000));
    ::sigaction(SIGPIPE, &before, nullptr);
    ASSERT_TRUE(state.has_value());
    EXPECT_TRUE(state->signalled);
    EXPECT_EQ(state->value, SIGPIPE);
}

TEST(Subprocess, HasAProcessGroupOfItsOwn) {
    Subprocess child(shell("exec sleep 60"));
    EXPECT_EQ(::getpgid(child.pid()), child.pid());
    child.terminate(milliseconds(0));
}

TEST(Subprocess, InterruptionEndsTheWait) {
    Subprocess child(shell("exec sleep 60"));
    set_interrupted(SIGINT);
    EXPECT_THROW(child.wait(), Interrupted);
    set_interrupted(0);
}

TEST(Subprocess, MoveAssignmentEndsTheOldChild) {
    Subprocess first(shell("exec sleep 60"));
    const pid_t old = first.pid();
    first = Subprocess(shell("exit 0"));
    EXPECT_EQ(::kill(old, 0), -1);
    EXPECT_NO_THROW(first.wait());
}

}  // namespace
}  // namespace osb
