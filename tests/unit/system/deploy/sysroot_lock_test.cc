// A sysroot whose repository another program has locked.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>

#include "base/fd.hh"
#include "base/interrupt.hh"
#include "tests/support/test_sysroot.hh"

namespace osb::system {
namespace {

// How long `action` takes to end where the user has said that it should.
template<typename F>
std::chrono::steady_clock::duration time_interrupted(const F& action) {
    const auto begin = std::chrono::steady_clock::now();
    set_interrupted(2);
    EXPECT_THROW(action(), Interrupted);
    set_interrupted(0);
    return std::chrono::steady_clock::now() - begin;
}

TEST(SysrootLock, AnInterruptionEndsTheWaitAtOnce) {
    if (::geteuid() != 0) GTEST_SKIP() << "deployments need root";
    const test::TestSysroot disk;
    disk.install(disk.add_commit("1"), "[origin]\nrefspec=os/test\n");
    ostree::Sysroot sysroot = ostree::Sysroot::open_locked(disk.path());
    const Fd other = open_at(AT_FDCWD, disk.path() + "/ostree/repo/.lock", O_RDWR | O_CREAT, 0644);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    ASSERT_EQ(::fcntl(other.get(), F_OFD_SETLK, &lock), 0);
    const auto deployments = sysroot.deployments();
    EXPECT_LT(time_interrupted([&] { sysroot.write(deployments); }), std::chrono::milliseconds(500));
    EXPECT_LT(time_interrupted([&] { sysroot.cleanup({}); }), std::chrono::milliseconds(500));
}

}  // namespace
}  // namespace osb::system
