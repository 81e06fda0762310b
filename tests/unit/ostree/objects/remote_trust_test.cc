// The signatures that the configuration of a remote requires.
#include "ostree/objects/remote_trust.hh"

#include <filesystem>
#include <fstream>

#include "base/base64.hh"
#include "ostree/objects/commit_signature.hh"
#include "tests/support/detached_builder.hh"
#include "tests/support/temp_directory.hh"
#include "tests/support/test_keys.hh"
#include "tests/support/thrown_kind.hh"

namespace osb::test {
namespace {

class RemoteTrustTest : public ::testing::Test {
  protected:
    RemoteTrustTest() {
        ostree::Repository::create(repo(), ostree::RepoMode::archive);
        std::filesystem::create_directory(keys());
    }

    std::string repo() const { return directory_ / "repo"; }
    std::string keys() const { return directory_ / "keys"; }

    // Adds the remote r with these lines.
    void configure(const std::string& lines) const {
        std::filesystem::remove_all(repo());
        ostree::Repository::create(repo(), ostree::RepoMode::archive);
        std::ofstream(repo() + "/config", std::ios::app) << "\n[remote \"r\"]\nurl=http://x\n" << lines;
    }

    void write(const std::string& name, unsigned n) const {
        std::ofstream(keys() + '/' + name) << text(n) << '\n';
    }

    static std::string text(unsigned n) {
        return encode_base64(*ed25519_key(n).public_key().ed25519_bytes());
    }

    // nullopt: accepted.
    std::optional<ErrorKind> verdict(const std::string& detached, const std::string& remote = "r") const {
        message_.clear();
        try {
            const ostree::Repository repository = ostree::Repository::open(repo());
            ostree::RemoteTrust(repository, remote, {keys()}).verify(commit_, "commit", detached);
        } catch (const Error& error) {
            message_ = error.message();
            return error.kind();
        }
        return std::nullopt;
    }

    static std::string signed_by(const std::vector<unsigned>& keys) {
        std::vector<registry::PrivateKey> of;
        for (const unsigned n : keys) of.push_back(ed25519_key(n));
        return ostree::sign_commit_object("commit", of);
    }

    const std::optional<ErrorKind> accepted_ = std::nullopt;
    const ostree::CommitId commit_{sha256(as_bytes("commit"))};
    TempDirectory directory_;
    mutable std::string message_;
};

TEST_F(RemoteTrustTest, TheKeysOfTheRemote) {
    configure("gpg-verify=false\nsign-verify=true\nverification-ed25519-key=" + text(1) + '\n');
    write("trusted.ed25519", 9);
    EXPECT_EQ(verdict(signed_by({1})), accepted_);
    EXPECT_EQ(verdict(signed_by({2, 1})), accepted_);
    EXPECT_EQ(verdict(signed_by({2})), ErrorKind::untrusted);
    EXPECT_EQ(verdict(signed_by({9})), ErrorKind::untrusted) << "the keys of all remotes do not count then";
    EXPECT_EQ(verdict(""), ErrorKind::untrusted);
    EXPECT_EQ(verdict(detached_text("ostree.sign.ed25519", "x")), ErrorKind::untrusted);
    EXPECT_EQ(verdict("rubbish"), ErrorKind::invalid);
    // Both the file and the key.
    write("own", 3);
    configure("gpg-verify=false\nsign-verify=ed25519\nverification-ed25519-key=" + text(1) +
              "\nverification-ed25519-file=" + keys() + "/own\n");
    EXPECT_EQ(verdict(signed_by({1})), accepted_);
    EXPECT_EQ(verdict(signed_by({3})), accepted_);
    EXPECT_EQ(verdict(signed_by({9})), ErrorKind::untrusted);
}

TEST_F(RemoteTrustTest, AChangedCommit) {
    configure("gpg-verify=false\nsign-verify=true\nverification-ed25519-key=" + text(1) + '\n');
    const ostree::Repository repository = ostree::Repository::open(repo());
    const ostree::RemoteTrust trust(repository, "r", {});
    const ostree::CommitId other(sha256(as_bytes("other")));
    EXPECT_EQ(thrown_kind([&] { trust.verify(other, "other", signed_by({1})); }), ErrorKind::untrusted);
    EXPECT_EQ(thrown_kind([&] { trust.verify(other, "commit", signed_by({1})); }),
              ErrorKind::digest_mismatch);
}

TEST_F(RemoteTrustTest, TheKeysOfAllRemotes) {
    configure("gpg-verify=false\nsign-verify=true\n");
    EXPECT_EQ(verdict(signed_by({1})), ErrorKind::untrusted);
    EXPECT_NE(message_.find("no Ed25519 keys"), std::string::npos) << message_;
    write("trusted.ed25519", 1);
    std::filesystem::create_directory(keys() + "/trusted.ed25519.d");
    write("trusted.ed25519.d/more", 2);
    EXPECT_EQ(verdict(signed_by({1})), accepted_);
    EXPECT_EQ(verdict(signed_by({2})), accepted_);
    EXPECT_EQ(verdict(signed_by({3})), ErrorKind::untrusted);
    // As in libostree, a list of kinds needs keys of the remote itself.
    configure("gpg-verify=false\nsign-verify=ed25519\n");
    EXPECT_EQ(verdict(signed_by({1})), ErrorKind::untrusted);
}

TEST_F(RemoteTrustTest, RevokedKeys) {
    write("trusted.ed25519", 1);
    write("revoked.ed25519", 1);
    configure("gpg-verify=false\nsign-verify=true\n");
    EXPECT_EQ(verdict(signed_by({1})), ErrorKind::untrusted);
    EXPECT_NE(message_.find("revoked key"), std::string::npos) << message_;
    configure("gpg-verify=false\nsign-verify=true\nverification-ed25519-key=" + text(1) + '\n');
    EXPECT_EQ(verdict(signed_by({1})), ErrorKind::untrusted) << "nor if it is the key of the remote";
    std::filesystem::create_directory(keys() + "/trusted.ed25519.d");
    write("trusted.ed25519.d/two", 2);
    configure("gpg-verify=false\nsign-verify=true\n");
    EXPECT_EQ(verdict(signed_by({1, 2})), accepted_) << "another signature counts";
    // What cannot be read does not count as empty.
    std::ofstream(keys() + "/revoked.ed25519") << "rubbish\n";
    EXPECT_EQ(verdict(signed_by({2})), ErrorKind::untrusted);
}

TEST_F(RemoteTrustTest, RemotesThatVerifyNothing) {
    const std::string good = signed_by({1});
    EXPECT_EQ(verdict(good), ErrorKind::untrusted) << "not configured";
    configure("gpg-verify=false\n");
    EXPECT_EQ(verdict(good), ErrorKind::untrusted);
    EXPECT_NE(message_.find("verifies no commits"), std::string::npos) << message_;
    configure("gpg-verify=false\nsign-verify=false\n");
    EXPECT_EQ(verdict(good), ErrorKind::untrusted);
    configure("gpg-verify=false\nsign-verify=spki\n");
    EXPECT_EQ(verdict(good), ErrorKind::untrusted);
    EXPECT_NE(message_.find("spki"), std::string::npos) << message_;
    configure("gpg-verify=false\nsign-verify=true\nverification-ed25519-file=/nonexistent\n");
    EXPECT_EQ(verdict(good), ErrorKind::untrusted);
    configure("gpg-verify=false\nsign-verify=true\nverification-ed25519-key=rubbish\n");
    EXPECT_EQ(verdict(good), ErrorKind::untrusted);
    EXPECT_TRUE(ostree::is_remote_name("ed25519"));
    for (const char* name : {"", "a/b", "../x", "-r", "a b", "a\n", "file://x"})
        EXPECT_EQ(verdict(good, name), ErrorKind::usage) << name;
}

// The default of libostree; its keyring is empty here.
TEST_F(RemoteTrustTest, GpgIsRequiredToo) {
    configure("sign-verify=true\nverification-ed25519-key=" + text(1) + '\n');
    EXPECT_EQ(verdict(signed_by({1})), ErrorKind::untrusted);
    EXPECT_NE(message_.find("no GPG signature"), std::string::npos) << message_;
    configure("gpg-verify=true\n");
    EXPECT_EQ(verdict(detached_lists({{"ostree.gpgsigs", {"rubbish"}}})), ErrorKind::untrusted);
    EXPECT_EQ(verdict(detached_lists({{"ostree.gpgsigs", {"\x88", "\xc2rubbish"}}})), ErrorKind::untrusted);
    EXPECT_EQ(verdict(detached_text("ostree.gpgsigs", "text")), ErrorKind::untrusted);
}

}  // namespace
}  // namespace osb::test
