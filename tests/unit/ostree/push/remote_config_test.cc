// The configuration of a remote, as an installation copies it.
#include <filesystem>
#include <fstream>

#include "ostree/push/remote_pull.hh"
#include "tests/support/temp_directory.hh"
#include "tests/support/thrown_kind.hh"

namespace osb::test {
namespace {

class RemoteConfigTest : public ::testing::Test {
  protected:
    RemoteConfigTest() { ostree::Repository::create(path(), ostree::RepoMode::archive); }

    std::string path() const { return directory_ / "repo"; }

    ostree::RemoteConfig config_of(const std::string& lines) const {
        std::ofstream(path() + "/config", std::ios::app) << "\n[remote \"r\"]\nurl=http://x\n" << lines;
        return ostree::read_remote_config(ostree::Repository::open(path()), "r");
    }

    TempDirectory directory_;
};

TEST_F(RemoteConfigTest, HasAllThatVerifiesCommits) {
    for (const std::string line :
         {"gpg-verify=true", "gpg-verify-summary=true", "gpgkeypath=/usr/share/keys", "sign-verify=ed25519",
          "sign-verify-summary=true", "verification-ed25519-key=AAAA",
          "verification-ed25519-file=/usr/share/key", "collection-id=org.example.Os"}) {
        std::filesystem::remove_all(path());
        ostree::Repository::create(path(), ostree::RepoMode::archive);
        EXPECT_NE(config_of(line + '\n').text.find(line + '\n'), std::string::npos) << line;
    }
}

TEST_F(RemoteConfigTest, HasTheKeyring) {
    std::ofstream(path() + '/' + ostree::keyring_name("r")) << "keys";
    EXPECT_EQ(config_of("").keyring, "keys");
}

TEST_F(RemoteConfigTest, OfARemoteThatDoesNotExist) {
    const auto repository = ostree::Repository::open(path());
    EXPECT_EQ(thrown_kind([&] { ostree::read_remote_config(repository, "other"); }), ErrorKind::not_found);
}

}  // namespace
}  // namespace osb::test
