#include "system/diff/merge_target.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include "system/deploy/deploy.hh"
#include "tests/support/test_sysroot.hh"

namespace osb::system {
namespace {

TEST(MergeTargetTest, TheDeploymentThatWaits) {
    if (::geteuid() != 0) GTEST_SKIP() << "deployments need root";
    const test::TestSysroot disk;
    const ostree::Deployment first = disk.install(disk.add_commit("1", "kernel", "os/1"), test::kImageOrigin);
    disk.add_syslinux();
    EXPECT_FALSE(merge_target(ostree::Sysroot::open(disk.path()), first));
    ostree::Sysroot sysroot = ostree::Sysroot::open_locked(disk.path());
    const ostree::Deployment next =
        deploy_next(sysroot,
                    {.stateroot = first.id.stateroot,
                     .commit = disk.add_commit("2", "kernel 2", "os/2"),
                     .origin = first.origin,
                     .kernel_options = first.kernel_options,
                     .merge = first},
                    {.image = "docker://quay.io/x/os:1", .digest = "sha256:2", .version = "2"})
            .deployment;
    EXPECT_EQ(merge_target(sysroot, first), next);
    EXPECT_FALSE(merge_target(sysroot, next));
}

}  // namespace
}  // namespace osb::system
