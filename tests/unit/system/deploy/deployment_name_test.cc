#include "system/deploy/deployment_name.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.hh"
#include "tests/support/test_sysroot.hh"

namespace osb::system {
namespace {

TEST(DeploymentNames, AlwaysNameADeployment) {
    for (const char* name :
         {"booted", "staged", "pending", "rollback", "0", "12", "999", "abcd.0", "0123.12"})
        EXPECT_TRUE(is_deployment_name(name)) << name;
    for (const char* name : {"", "boot", "Booted", "1000", "-1", "1a", "abc.0", "abcd.", "abcd.x", "wxyz.0",
                             "os/0", "0/os", " 1", "1.0", "booted "})
        EXPECT_FALSE(is_deployment_name(name)) << name;
}

class FindDeploymentTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "deployments need root";
        first_ = disk_.install(disk_.add_commit("1", "kernel", "os/1"), test::kImageOrigin);
    }
    // Puts another deployment behind the first one.
    ostree::Deployment add_second() {
        ostree::Sysroot sysroot = ostree::Sysroot::open_locked(disk_.path());
        const ostree::Deployment made = sysroot.deploy({.stateroot = first_.id.stateroot,
                                                        .commit = disk_.add_commit("2", "kernel 2", "os/2"),
                                                        .origin = test::kImageOrigin,
                                                        .kernel_options = {},
                                                        .merge = first_});
        sysroot.write({first_, made});
        return made;
    }
    ErrorKind failure(const std::string& name) const {
        try {
            find_deployment(ostree::Sysroot::open(disk_.path()), name);
        } catch (const Error& error) {
            return error.kind();
        }
        return ErrorKind::internal;
    }

    test::TestSysroot disk_;
    ostree::Deployment first_ = test::TestSysroot::no_deployment();
};

TEST_F(FindDeploymentTest, ByEachName) {
    const ostree::Deployment second = add_second();
    const ostree::Sysroot sysroot = ostree::Sysroot::open(disk_.path());
    const auto is = [&](const ostree::Deployment& wanted, const std::string& name) {
        return find_deployment(sysroot, name) == wanted;
    };
    EXPECT_TRUE(is(first_, "") && is(first_, "0") && is(second, "1") && is(second, "rollback"));
    EXPECT_TRUE(is(second, second.id.to_string()) && is(second, second.id.short_text()) &&
                is(first_, std::string(first_.id.commit.text().substr(0, 4))));
    for (const char* missing : {"booted", "pending", "staged", "2", "999", "0000.0", "000000", "1000"})
        EXPECT_EQ(failure(missing), ErrorKind::not_found) << missing;
    EXPECT_FALSE(pending_deployment(sysroot));
}

}  // namespace
}  // namespace osb::system
