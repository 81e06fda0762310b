#include "system/diff/deployment_changes.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "ostree/objects/object_format.hh"
#include "tests/support/test_sysroot.hh"

namespace osb::system {
namespace {

TEST(DeploymentChangesTest, AgainstTheDefault) {
    if (::geteuid() != 0) GTEST_SKIP() << "deployments need root";
    const test::TestSysroot disk;
    const ostree::Deployment first = disk.install(disk.add_commit("1", "kernel", "os/1"), test::kImageOrigin);
    EXPECT_TRUE(deployment_changes(ostree::Sysroot::open(disk.path())).empty());
    ostree::Deployment second = test::TestSysroot::no_deployment();
    {
        ostree::Sysroot sysroot = ostree::Sysroot::open_locked(disk.path());
        second = sysroot.deploy({.stateroot = first.id.stateroot,
                                 .commit = disk.add_commit("2", "a longer kernel", "os/2"),
                                 .origin = test::kImageOrigin,
                                 .kernel_options = {},
                                 .merge = first});
        sysroot.write({first, second});
    }
    const auto found = deployment_changes(ostree::Sysroot::open(disk.path()));
    ASSERT_EQ(found.size(), 1U);
    const DeploymentChanges& changes = found.at(second.id.to_string());
    EXPECT_EQ(changes.against, first.id.to_string());
    EXPECT_EQ(changes.problem, "");
    EXPECT_GT(changes.files.changed, 0U);
    EXPECT_EQ(changes.packages.unknown, "neither side has an apk database");
    const std::string commit =
        ostree::loose_path(second.id.commit.checksum(), ostree::ObjectType::commit, false);
    std::filesystem::rename(disk.path() + "/ostree/repo/objects/" + commit, disk.path() + "/away");
    EXPECT_NE(deployment_changes(ostree::Sysroot::open(disk.path())).at(second.id.to_string()).problem, "");
}

}  // namespace
}  // namespace osb::system
