// What the process that deploys makes of the answer of the process that reads the image, which may be forged.
#include "system/upgrade/candidate.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <vector>

#include "base/base64.hh"
#include "base/bytes.hh"
#include "base/error.hh"
#include "ostree/objects/commit_signature.hh"
#include "ostree/objects/detached_metadata.hh"
#include "ostree/objects/object_reader.hh"
#include "tests/support/test_keys.hh"
#include "tests/support/test_sysroot.hh"
#include "tests/support/thrown_kind.hh"

namespace osb::system {
namespace {

constexpr const char* kFollowed = "ostree-remote-registry:vendor:quay.io/x/os:1";
const std::string kDigest = "sha256:" + std::string(64, 'a');

ImageAnswer answer(const std::optional<ostree::CommitId>& commit) {
    return {.digest = kDigest, .release = {}, .commit = commit, .fetched = {}, .transfer = {}};
}

// The system follows an image whose commits a key must have signed. Its own has no signature.
class CandidateTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "deployments need root";
        std::ofstream(disk_.path() + "/ostree/repo/config", std::ios::app)
            << "[remote \"vendor\"]\nurl=http://127.0.0.1/\ngpg-verify=false\nsign-verify=true\n"
            << "verification-ed25519-key="
            << encode_base64(*test::ed25519_key(1).public_key().ed25519_bytes()) << '\n';
        const ostree::CommitId first = disk_.add_commit("1");
        disk_.install(first, concat("[origin]\ncontainer-image-reference=", kFollowed, '\n'));
        sysroot_.emplace(ostree::Sysroot::open_locked(disk_.path()));
    }

    void sign(const ostree::CommitId& commit) const {
        ostree::Repository repository = sysroot_->repository();
        std::vector<registry::PrivateKey> keys;
        keys.push_back(test::ed25519_key(1));
        ostree::store_detached_metadata(
            repository, commit,
            ostree::sign_commit_object(ostree::read_commit_object(repository, commit), keys));
    }
    ErrorKind kind_of(const ImageAnswer& given) const {
        Candidate candidate(*sysroot_, {});
        return test::thrown_kind([&] { plan_of_answer(candidate, given, {}); });
    }
    UpgradePlan plan_of(const ImageAnswer& given) const {
        Candidate candidate(*sysroot_, {});
        return plan_of_answer(candidate, given, {});
    }
    ImageAnswer fetched(const ostree::CommitId& commit) const {
        ImageAnswer out = answer(commit);
        out.fetched = {.image = kFollowed, .digest = kDigest, .commit = commit, .version = "2", .time = 0};
        return out;
    }

    test::TestSysroot disk_;
    std::optional<ostree::Sysroot> sysroot_;
};

TEST_F(CandidateTest, ACommitThatWasFetchedMustBeSigned) {
    const ostree::CommitId second = disk_.add_commit("2", "kernel of 2");
    EXPECT_EQ(kind_of(fetched(second)), ErrorKind::untrusted);
    sign(second);
    EXPECT_EQ(plan_of(fetched(second)).action, UpgradeAction::deploy);
}

// Nothing verifies it, and the plan would be to deploy it after the download.
TEST_F(CandidateTest, ACommitThatWasNotFetchedIsNotDeployed) {
    const ostree::CommitId second = disk_.add_commit("2", "kernel of 2");
    EXPECT_EQ(kind_of(answer(second)), ErrorKind::internal);
    EXPECT_EQ(kind_of(answer(std::nullopt)), ErrorKind::internal);
}

// The origin would name the remote from then on, and the system has no signature of it.
TEST_F(CandidateTest, TheDeploymentThatMatchesMustBeSigned) {
    const ostree::CommitId first = sysroot_->deployments().front().id.commit;
    EXPECT_EQ(kind_of(answer(first)), ErrorKind::untrusted);
    sign(first);
    EXPECT_EQ(plan_of(answer(first)).reason, PlanReason::running);
}

TEST_F(CandidateTest, TheSameFilesAreNoSignature) {
    ImageAnswer given = answer(disk_.add_commit("2", "kernel of 2"));
    given.is_same_system = true;
    EXPECT_EQ(kind_of(given), ErrorKind::internal);
}

}  // namespace
}  // namespace osb::system
