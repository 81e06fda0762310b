// Ed25519 signatures of commits, and lists of keys.
#include "ostree/objects/commit_signature.hh"

#include <gtest/gtest.h>

#include <fstream>

#include "base/base64.hh"
#include "ostree/objects/ed25519_key_list.hh"
#include "tests/support/detached_builder.hh"
#include "tests/support/temp_directory.hh"
#include "tests/support/test_keys.hh"
#include "tests/support/thrown_kind.hh"

namespace osb::test {
namespace {

using ostree::find_commit_signer;
using ostree::read_signatures;
using ostree::sign_commit_object;

const std::string kSignatureKey(ostree::kEd25519Signatures);

TEST(CommitSignature, IsMadeAndFound) {
    const auto first = ed25519_key(1);
    const auto second = ed25519_key(2);
    const std::string detached = sign_commit_object("commit", {first, second});
    EXPECT_EQ(detached, sign_commit_object("commit", {first, second}));
    EXPECT_EQ(read_signatures(detached, kSignatureKey),
              (std::vector<std::string>{first.sign("commit"), second.sign("commit")}));
    const auto signer =
        find_commit_signer("commit", detached, {ed25519_key(3).public_key(), second.public_key()});
    ASSERT_TRUE(signer);
    EXPECT_EQ(signer->ed25519_bytes(), second.public_key().ed25519_bytes());
    EXPECT_FALSE(find_commit_signer("commit", detached, {ed25519_key(3).public_key()}));
    EXPECT_FALSE(find_commit_signer("commit", detached, {}));
    EXPECT_FALSE(find_commit_signer("commix", detached, {first.public_key()}));
    EXPECT_FALSE(find_commit_signer("commit", "", {first.public_key()}));
}

TEST(CommitSignature, HostileMetadata) {
    const auto key = ed25519_key(1);
    const std::string good = key.sign("commit");
    const auto finds = [&](const std::string& detached) {
        return find_commit_signer("commit", detached, {key.public_key()}).has_value();
    };
    EXPECT_TRUE(
        finds(detached_lists({{kSignatureKey, {"", "short", std::string(64, 'x'), good + "x", good}}})));
    EXPECT_FALSE(finds(detached_lists({{kSignatureKey, {good.substr(1), good + "x"}}})));
    EXPECT_FALSE(finds(detached_lists({{"ostree.gpgsigs", {good}}})));
    EXPECT_FALSE(finds(detached_text(kSignatureKey, "text")));
    EXPECT_EQ(thrown_kind([&] { finds("rubbish"); }), ErrorKind::invalid);
    // Rubbish does not count, so that it hides no signature; beyond the limit, nothing is read.
    std::vector<std::string> many(ostree::kMaxCommitSignatures + 1, "s");
    many.push_back(good);
    EXPECT_TRUE(finds(detached_lists({{kSignatureKey, many}})));
    std::vector<std::string> more(ostree::kMaxCommitSignatures - 1, std::string(64, 'x'));
    more.push_back(good);
    EXPECT_TRUE(finds(detached_lists({{kSignatureKey, more}})));
    more.insert(more.begin(), std::string(64, 'y'));
    EXPECT_FALSE(finds(detached_lists({{kSignatureKey, more}})));
}

TEST(CommitSignature, Form) {
    const auto has_form = [](std::string_view key, const std::string& bytes) {
        return ostree::has_signature_form(key, as_bytes(bytes));
    };
    EXPECT_TRUE(has_form(ostree::kEd25519Signatures, std::string(64, '\0')));
    for (const std::size_t size : {0U, 63U, 65U})
        EXPECT_FALSE(has_form(ostree::kEd25519Signatures, std::string(size, '\0')));
    for (const char* good : {"\x88", "\x89x", "\x8a", "\x8b", "\xc2"})
        EXPECT_TRUE(has_form(ostree::kGpgSignatures, good));
    for (const char* bad : {"", "\x87", "\x8c", "\x99", "\xc1", "\xc3", "-----BEGIN PGP SIGNATURE-----"})
        EXPECT_FALSE(has_form(ostree::kGpgSignatures, bad));
    EXPECT_TRUE(has_form("another", ""));
}

TEST(Ed25519KeyList, IsReadStrictly) {
    const std::string key = *ed25519_key(1).public_key().ed25519_bytes();
    const std::string text = encode_base64(key);
    EXPECT_EQ(ostree::parse_ed25519_keys("\n# comment\n  " + text + " \r\n\n", "list"),
              ostree::Ed25519Keys{key});
    EXPECT_EQ(ostree::parse_ed25519_keys(text + '\n' + text, "list").size(), 1U);
    EXPECT_TRUE(ostree::parse_ed25519_keys("", "list").empty());
    for (const std::string& bad :
         {text + " comment", text.substr(4), encode_base64(key + "x"), std::string("\x1b")})
        EXPECT_EQ(thrown_kind([&] { ostree::parse_ed25519_keys(text + '\n' + bad, "list"); }),
                  ErrorKind::invalid);
}

TEST(Ed25519KeyList, Files) {
    const TempDirectory directory;
    const std::string path = directory / "trusted.ed25519";
    EXPECT_EQ(thrown_kind([&] { ostree::read_ed25519_keys(path); }), ErrorKind::not_found);
    const auto key = [](unsigned n) { return *ed25519_key(n).public_key().ed25519_bytes(); };
    const std::vector<std::string> directories{directory / ".", directory / "absent"};
    EXPECT_TRUE(ostree::read_ed25519_key_directories(directories, "trusted.ed25519").empty());
    std::ofstream(path) << encode_base64(key(1)) << '\n';
    std::filesystem::create_directory(path + ".d");
    std::ofstream(path + ".d/vendor") << encode_base64(key(2)) << '\n';
    EXPECT_EQ(ostree::read_ed25519_key_directories(directories, "trusted.ed25519"),
              (ostree::Ed25519Keys{key(1), key(2)}));
    std::ofstream(path + ".d/other") << "rubbish\n";
    EXPECT_EQ(thrown_kind([&] { ostree::read_ed25519_key_directories(directories, "trusted.ed25519"); }),
              ErrorKind::invalid);
    std::ofstream(path, std::ios::trunc) << "# none\n";
    EXPECT_EQ(thrown_kind([&] { ostree::read_ed25519_keys(path); }), ErrorKind::invalid);
}

}  // namespace
}  // namespace osb::test
