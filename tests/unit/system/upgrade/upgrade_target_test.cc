// What is followed, what of it is here already, and what is refused.
#include "system/upgrade/upgrade_target.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>

#include "base/error.hh"
#include "image/deployment/origin.hh"
#include "system/deploy/deployment_match.hh"
#include "tests/support/test_sysroot.hh"

namespace osb::system {
namespace {

using ostree::Sysroot;

constexpr const char* kFetchedOrigin =
    "[origin]\ncontainer-image-reference=ostree-unverified-registry:quay.io/x/os:1\n\n[osb-oci]\n"
    "manifest-digest=sha256:"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n";

ErrorKind error_of(const std::function<void()>& what) {
    try {
        what();
    } catch (const Error& error) {
        return error.kind();
    }
    ADD_FAILURE() << "no error";
    return ErrorKind::internal;
}

class UpgradeTargetTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "deployments need root";
    }
    UpgradeTarget followed(const UpgradeOptions& options = {}) const {
        return find_upgrade_target(Sysroot::open(disk_.path()), options);
    }

    test::TestSysroot disk_;
};

TEST_F(UpgradeTargetTest, TheImageOfTheOrigin) {
    disk_.install(disk_.add_commit("1.5"), kFetchedOrigin);
    const UpgradeTarget found = followed();
    EXPECT_EQ(found.image, "docker://quay.io/x/os:1");
    EXPECT_EQ(found.read_from, "docker://quay.io/x/os:1");
    EXPECT_FALSE(found.changes);
    EXPECT_EQ(found.present.version, "1.5");
    EXPECT_EQ(followed({.from = "oci:/media/usb/os"}).read_from, "oci:/media/usb/os");
    EXPECT_EQ(followed({.from = "oci:/media/usb/os"}).image, "docker://quay.io/x/os:1");
}

TEST_F(UpgradeTargetTest, AnotherImage) {
    disk_.install(disk_.add_commit("1"), kFetchedOrigin);
    const UpgradeTarget other = followed({.switch_to = "quay.io/x/os:2"});
    EXPECT_EQ(other.read_from, "docker://quay.io/x/os:2");
    EXPECT_TRUE(other.changes);
    EXPECT_FALSE(followed({.switch_to = "docker://quay.io/x/os:1"}).changes);
    EXPECT_EQ(error_of([&] { followed({.switch_to = "quay.io/x/os:@"}); }), ErrorKind::usage);
    EXPECT_EQ(error_of([&] { followed({.switch_to = "quay.io/x/os:1\nrefspec=x"}); }), ErrorKind::usage);
}

TEST_F(UpgradeTargetTest, NoOrigin) {
    disk_.install(disk_.add_commit("1"), "[origin]\n");
    EXPECT_EQ(error_of([&] { followed(); }), ErrorKind::not_found);
    EXPECT_EQ(followed({.from = "oci:/x"}).image, "");
    EXPECT_TRUE(followed({.switch_to = "quay.io/x/os:2"}).changes);
}

TEST_F(UpgradeTargetTest, AnOriginThatCannotBeFollowedCanBeReplaced) {
    disk_.install(disk_.add_commit("1"),
                  "[origin]\ncontainer-image-reference=ostree-unverified-registry:quay.io/x/os:1\n"
                  "unconfigured-state=call us\n");
    EXPECT_EQ(error_of([&] { followed(); }), ErrorKind::unsupported);
    EXPECT_TRUE(followed({.switch_to = "quay.io/x/os:1"}).changes);
}

TEST_F(UpgradeTargetTest, AnImageWhoseCommitARemoteVerifies) {
    disk_.install(disk_.add_commit("1"),
                  "[origin]\ncontainer-image-reference=ostree-remote-image:r:docker://quay.io/x/os:1\n");
    EXPECT_EQ(std::get<image::ImageOrigin>(followed().origin).remote, "r");
    EXPECT_EQ(followed().read_from, "docker://quay.io/x/os:1");
    EXPECT_TRUE(followed({.switch_to = "quay.io/x/os:1"}).changes) << "without verification";
    EXPECT_TRUE(followed({.switch_to = "ostree-remote-image:q:docker://quay.io/x/os:1"}).changes);
    EXPECT_FALSE(followed({.switch_to = "ostree-remote-image:r:docker://quay.io/x/os:1"}).changes);
}

TEST_F(UpgradeTargetTest, ARefOfARemote) {
    disk_.install(disk_.add_commit("1"), "[origin]\nrefspec=site:os/main\n");
    EXPECT_EQ(followed().image, "site:os/main");
    EXPECT_EQ(followed().read_from, "");
}

TEST_F(UpgradeTargetTest, NothingDeployed) {
    EXPECT_EQ(error_of([&] { followed(); }), ErrorKind::not_found);
}

TEST_F(UpgradeTargetTest, WhatIsHereAlready) {
    disk_.add_syslinux();
    const ostree::CommitId first = disk_.add_commit("1");
    disk_.install(first, kFetchedOrigin);
    const ostree::CommitId second = disk_.add_commit("2", "kernel 2");
    const std::string digest = "sha256:" + std::string(64, 'a');
    const std::string other = "sha256:" + std::string(64, 'b');
    Sysroot sysroot = Sysroot::open_locked(disk_.path());
    const auto standing = [&](const std::string& by_digest,
                              const std::optional<ostree::CommitId>& by_commit) {
        return match_deployment(sysroot, roles_of(sysroot), by_digest, by_commit);
    };
    EXPECT_EQ(standing(digest, std::nullopt), DeploymentMatch::current);
    EXPECT_EQ(standing("", first), DeploymentMatch::current);
    EXPECT_EQ(standing(other, second), DeploymentMatch::absent);
    EXPECT_EQ(standing("", std::nullopt), DeploymentMatch::absent);
    const ostree::Deployment current = *roles_of(sysroot).current;
    deploy_next(sysroot,
                {.stateroot = current.id.stateroot,
                 .commit = second,
                 .origin = image::Origin::of_image("quay.io/x/os:1", other).text(),
                 .kernel_options = current.kernel_options,
                 .merge = current},
                {.image = "", .digest = other, .version = ""});
    EXPECT_EQ(standing(other, std::nullopt), DeploymentMatch::next_on_trial);
    EXPECT_EQ(standing("", second), DeploymentMatch::next_on_trial);
    EXPECT_EQ(standing(digest, first), DeploymentMatch::current);
}

}  // namespace
}  // namespace osb::system
