// Locks on files: who waits, who does not, and what ends the waiting.
#include "base/file_lock.hh"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "base/error.hh"
#include "base/fd.hh"
#include "base/interrupt.hh"
#include "tests/support/flock_hook.hh"
#include "tests/support/temp_directory.hh"

namespace osb::test {
namespace {

class FileLockThreads : public testing::Test {
  protected:
    Fd opened() const { return open_at(AT_FDCWD, directory_ / "file", O_RDWR | O_CREAT, 0600); }

    TempDirectory directory_;
};

TEST_F(FileLockThreads, OneAtATime) {
    Fd first = opened();
    const Fd second = opened();
    EXPECT_TRUE(try_lock_file(first.get(), "file"));
    EXPECT_FALSE(try_lock_file(second.get(), "file"));
    std::thread later([&first] {
        std::this_thread::sleep_for(std::chrono::milliseconds(40));
        first.close();
    });
    lock_file(second.get(), "file");
    later.join();
    EXPECT_FALSE(try_lock_file(opened().get(), "file"));
}

TEST_F(FileLockThreads, AnInterruptionEndsTheWait) {
    const Fd first = opened();
    const Fd second = opened();
    ASSERT_TRUE(try_lock_file(first.get(), "file"));
    std::thread later([] {
        std::this_thread::sleep_for(std::chrono::milliseconds(40));
        set_interrupted(2);
    });
    EXPECT_THROW(lock_file(second.get(), "file"), Interrupted);
    later.join();
    set_interrupted(0);
}

TEST_F(FileLockThreads, WhatCannotBeLockedIsNotWaitedFor) {
    const Fd file = opened();
    const FlockHook no_locks([] { return ENOLCK; });
    for (const auto lock : {+[](int fd) { lock_file(fd, "file"); },
                            +[](int fd) { static_cast<void>(try_lock_file(fd, "file")); }}) {
        try {
            lock(file.get());
            ADD_FAILURE() << "was locked";
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::io);
            EXPECT_NE(error.message().find("'file'"), std::string::npos) << error.message();
        }
    }
}

}  // namespace
}  // namespace osb::test
