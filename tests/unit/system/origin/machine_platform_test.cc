#include "system/origin/machine_platform.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.hh"
#include "tests/support/test_sysroot.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

constexpr const char* kRefspecOrigin = "[origin]\nrefspec=os/test\n";

class MachinePlatformTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "deployments need root";
    }
    test::TestSysroot disk_;
};

// A disk for another machine, mounted here.
TEST_F(MachinePlatformTest, OfADiskItIsThatOfItsSystem) {
    const ostree::CommitId commit = disk_.add_commit_with_metadata("ostree.architecture", "aarch64");
    const Deployment current = disk_.install(commit, kRefspecOrigin);
    const Sysroot sysroot = Sysroot::open(disk_.path());
    EXPECT_EQ(machine_platform(sysroot, current).to_string(), "linux/arm64");
    EXPECT_NO_THROW(check_machine(oci::Platform::parse("linux/arm64"), sysroot, current));
    EXPECT_NO_THROW(check_machine_of_commit(commit, sysroot, current));
    EXPECT_THROW(check_machine(oci::Platform::parse("linux/amd64"), sysroot, current), Error);
}

TEST_F(MachinePlatformTest, ElseItIsThisMachines) {
    // Of a commit that says nothing.
    const ostree::CommitId commit = disk_.add_commit_with_metadata("version", "1");
    const Deployment current = disk_.install(commit, kRefspecOrigin);
    const Sysroot sysroot = Sysroot::open(disk_.path());
    EXPECT_EQ(machine_platform(sysroot, current), oci::Platform::host());
    EXPECT_NO_THROW(check_machine_of_commit(commit, sysroot, current));
    EXPECT_THROW(check_machine(oci::Platform::parse("linux/mips64"), sysroot, current), Error);
    const ostree::CommitId other = disk_.add_commit_with_metadata("ostree.architecture", "s390x");
    EXPECT_THROW(check_machine_of_commit(other, sysroot, current), Error);
    // A name that means nothing here says nothing.
    const ostree::CommitId odd = disk_.add_commit_with_metadata("ostree.architecture", "pdp11");
    EXPECT_NO_THROW(check_machine_of_commit(odd, sysroot, current));
}

}  // namespace
}  // namespace osb::system
