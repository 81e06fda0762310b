// On a filesystem of its own, mounted by the test.
#include "image/boot/frozen_filesystem.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

#include "base/subprocess.hh"
#include "tests/support/temp_directory.hh"

namespace osb::image {
namespace {

bool succeeds(std::vector<std::string> argv) {
    Subprocess child({.argv = std::move(argv), .environment = {}, .inherited = {}});
    const auto state = child.wait_for(std::chrono::milliseconds(20'000));
    return state && state->ok();
}

bool has_children() {
    return ::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD;
}

class FrozenFilesystemTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "a mount needs root";
        const std::string image = directory_ / "image";
        const std::string where = directory_ / "mounted";
        std::filesystem::create_directories(where);
        ASSERT_EQ(::close(::open(image.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
        std::filesystem::resize_file(image, 8UL * 1024 * 1024);
        is_mounted_ = succeeds({"mkfs.ext4", "-q", image}) && succeeds({"mount", "-o", "loop", image, where});
        if (!is_mounted_) GTEST_SKIP() << "a file cannot be mounted here";
        mounted_ = Fd(::open(where.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        ASSERT_TRUE(mounted_);
    }
    void TearDown() override {
        if (!is_mounted_) return;
        ::ioctl(mounted_.get(), FITHAW, 0);
        mounted_.close();
        EXPECT_TRUE(unmount());
    }
    // The watcher of a child that was killed holds the filesystem for an instant after it thawed it.
    bool unmount() const {
        for (int i = 0; i < 500; ++i) {
            if (::umount((directory_ / "mounted").c_str()) == 0) return true;
            if (errno != EBUSY) return false;
            ::usleep(10'000);
        }
        return false;
    }
    // Asked by freezing it once more.
    bool is_frozen() const {
        if (::ioctl(mounted_.get(), FIFREEZE, 0) != 0) return errno == EBUSY;
        ::ioctl(mounted_.get(), FITHAW, 0);
        return false;
    }
    // Freezes it in another process, which then does `end`.
    template<typename F>
    void freeze_in_child(F end) {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            ::setpgid(0, 0);
            const FrozenFilesystem frozen(mounted_.get());
            if (!frozen.is_frozen() || !is_frozen()) ::_exit(1);
            end();
            ::_exit(2);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFSIGNALED(status)) << status;
        // Its watcher is not ours to wait for.
        for (int i = 0; i < 500 && is_frozen(); ++i) ::usleep(10'000);
        EXPECT_FALSE(is_frozen());
    }

    test::TempDirectory directory_;
    bool is_mounted_ = false;
    Fd mounted_;
};

TEST_F(FrozenFilesystemTest, ItIsFrozenAsLongAsTheObjectLives) {
    {
        const FrozenFilesystem frozen(mounted_.get());
        EXPECT_TRUE(frozen.is_frozen());
        EXPECT_TRUE(is_frozen());
    }
    EXPECT_FALSE(is_frozen());
    EXPECT_FALSE(has_children());
}

TEST_F(FrozenFilesystemTest, ItIsThawedWhenTheProcessIsKilled) {
    freeze_in_child([] { ::raise(SIGKILL); });
}

TEST_F(FrozenFilesystemTest, AlsoWhenTheWholeProcessGroupIs) {
    freeze_in_child([] { ::kill(0, SIGKILL); });
}

TEST_F(FrozenFilesystemTest, WhatSomebodyElseFrozeStaysFrozen) {
    ASSERT_EQ(::ioctl(mounted_.get(), FIFREEZE, 0), 0);
    {
        const FrozenFilesystem frozen(mounted_.get());
        EXPECT_FALSE(frozen.is_frozen());
        EXPECT_FALSE(has_children());
    }
    EXPECT_TRUE(is_frozen());
}

TEST_F(FrozenFilesystemTest, ThawedByOthersItDoesNoHarm) {
    {
        const FrozenFilesystem frozen(mounted_.get());
        ASSERT_EQ(::ioctl(mounted_.get(), FITHAW, 0), 0);
    }
    EXPECT_FALSE(is_frozen());
}

TEST_F(FrozenFilesystemTest, SignalsComeAfterwards) {
    static volatile std::sig_atomic_t came = 0;
    struct sigaction action {};
    struct sigaction before {};
    action.sa_handler = [](int) { came = 1; };
    ASSERT_EQ(::sigaction(SIGTERM, &action, &before), 0);
    {
        const FrozenFilesystem frozen(mounted_.get());
        ::raise(SIGTERM);
        EXPECT_EQ(came, 0);
    }
    EXPECT_EQ(came, 1);
    ::sigaction(SIGTERM, &before, nullptr);
}

TEST(FrozenFilesystem, WhatCannotBeFrozenIsNot) {
    const Fd proc(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    sigset_t mask;
    {
        const FrozenFilesystem frozen(proc.get());
        EXPECT_FALSE(frozen.is_frozen());
        EXPECT_FALSE(has_children());
        ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, nullptr, &mask), 0);
        EXPECT_EQ(::sigismember(&mask, SIGTERM), 0);
    }
}

}  // namespace
}  // namespace osb::image
