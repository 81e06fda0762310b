// The commit of an image is verified before anything is stored; imports sign what they write.
#include "ostree/import/held_commit.hh"

#include "base/base64.hh"
#include "oci/tar/tar_writer.hh"
#include "ostree/export/encapsulated_tar.hh"
#include "ostree/import/pull.hh"
#include "ostree/objects/commit_signature.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/tree/commit_info.hh"
#include "tests/support/detached_builder.hh"
#include "tests/support/string_sink.hh"
#include "tests/support/test_keys.hh"
#include "tests/support/thrown_kind.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

const std::string kHeldKey(ostree::kEd25519Signatures);

class HeldCommitThreads : public ImportTest {
  protected:
    void SetUp() override {
        ImportTest::SetUp();
        bootable({TarBuilder().file("usr/bin/a", "a").file("etc/passwd", "root")});
        ostree::Repository::create(target(), ostree::RepoMode::archive);
        std::ofstream(target() + "/config", std::ios::app)
            << "\n[remote \"r\"]\ngpg-verify=false\nsign-verify=true\nverification-ed25519-key="
            << encode_base64(*ed25519_key(1).public_key().ed25519_bytes()) << '\n';
    }

    std::string target() const { return directory_ / "target"; }
    ostree::CommitId commit() const { return result_->commit; }
    std::string commit_object() const {
        return ostree::read_commit_object(ostree::Repository::open(repo_path()), commit());
    }
    std::string held(const std::string& repo) const {
        return ostree::read_detached_metadata(ostree::Repository::open(repo), commit());
    }
    std::vector<std::string> signatures(const std::string& repo) const {
        return ostree::read_signatures(held(repo), kHeldKey);
    }
    void sign(const std::vector<unsigned>& keys) {
        ostree::Repository repository = ostree::Repository::open(repo_path());
        ostree::CommitSigners signers;
        for (const unsigned n : keys) signers.keys.push_back(ed25519_key(n));
        ostree::sign_stored_commit(repository, commit(), signers);
    }
    std::string object(const std::string& suffix) const {
        const std::string text(commit().text());
        return "sysroot/ostree/repo/objects/" + text.substr(0, 2) + '/' + text.substr(2) + suffix;
    }

    // The image of the commit in one layer. `front`: archive before it, without its end.
    MemoryImage image(const std::string& front = {}, const TarBuilder* derived = nullptr,
                      oci::Compression compression = oci::Compression::gzip) const {
        const ostree::Repository repository = ostree::Repository::open(repo_path());
        const ostree::CommitWalk walk = ostree::walk_commit(repository, commit());
        ostree::EncapsulatedTar encapsulated(repository, walk);
        StringSink out;
        oci::TarWriter tar(out);
        encapsulated.write_commit(tar);
        for (const ostree::WalkedFile& file : walk.files) encapsulated.write_file(tar, file);
        tar.finish();
        std::vector<MemoryLayer> layers{{front + out.text, compression}};
        MemoryImageOptions options;
        options.labels = {{"ostree.commit", std::string(commit().text())},
                          {"ostree.final-diffid", oci::Digest::of(as_bytes(layers[0].tar)).to_string()}};
        if (derived != nullptr) layers.push_back({derived->finish()});
        return make_image(layers, options);
    }

    static ostree::Encapsulated verify(const ostree::Repository& repository, const MemoryImage& of) {
        return ostree::verify_held_commit(of.image, ostree::RemoteTrust(repository, "r", {}));
    }
    ErrorKind refusal(const MemoryImage& of) const {
        const ostree::Repository repository = ostree::Repository::open(target());
        return thrown_kind([&] { verify(repository, of); });
    }
};

TEST_F(HeldCommitThreads, IsVerifiedBeforeAnythingIsStored) {
    EXPECT_EQ(refusal(image()), ErrorKind::untrusted) << "not signed";
    sign({2});
    EXPECT_EQ(refusal(image()), ErrorKind::untrusted) << "by another key";
    sign({1});
    EXPECT_EQ(signatures(repo_path()).size(), 2U);
    const MemoryImage good = image();
    ostree::Repository repository = ostree::Repository::open(target());
    const ostree::Encapsulated found = verify(repository, good);
    EXPECT_EQ(found.commit, commit());
    EXPECT_EQ(found.commit_object, commit_object());
    EXPECT_EQ(found.detached, held(repo_path()));
    EXPECT_TRUE(std::filesystem::is_empty(target() + "/objects"));
    NoProgress progress;
    ostree::pull_image(repository, good.image,
                       {.ref = ostree::RefName::parse("x"), .required_commit = found.commit}, progress);
    EXPECT_EQ(held(target()), held(repo_path()));
    ostree::RemoteTrust(repository, "r", {}).verify_stored(commit());
}

TEST_F(HeldCommitThreads, ImagesThatNoKeyOfARemoteVerifies) {
    sign({1});
    const TarBuilder more = TarBuilder().file("usr/new", "n");
    EXPECT_EQ(refusal(image({}, &more)), ErrorKind::untrusted) << "layers on top";
    EXPECT_EQ(refusal(image_of({more})), ErrorKind::untrusted) << "no commit";
}

TEST_F(HeldCommitThreads, HostileLayers) {
    sign({1});
    const auto front = [](const TarBuilder& entries) {
        const std::string text = entries.finish();
        return text.substr(0, text.size() - 1024);
    };
    const std::string other = "sysroot/ostree/repo/objects/aa/" + std::string(62, 'a');
    EXPECT_EQ(refusal(image(front(TarBuilder().file(other + ".commit", commit_object())))),
              ErrorKind::digest_mismatch);
    EXPECT_EQ(refusal(image(front(TarBuilder().file(other + ".dirmeta", "x")))), ErrorKind::invalid);
    EXPECT_EQ(refusal(image(front(TarBuilder().file(object(".commitmeta"), held(repo_path()))))),
              ErrorKind::invalid)
        << "metadata before the commit";
    EXPECT_EQ(refusal(image(front(TarBuilder()
                                      .file(object(".commit"), commit_object())
                                      .file(other + ".commitmeta", held(repo_path()))))),
              ErrorKind::invalid)
        << "metadata of another commit";
    // Something between the two: the signature does not count.
    EXPECT_EQ(refusal(image(front(
                  TarBuilder().file(object(".commit"), commit_object()).file(other + ".dirmeta", "x")))),
              ErrorKind::untrusted);
    const auto with = [&](const std::string& detached) {
        return refusal(image(front(
            TarBuilder().file(object(".commit"), commit_object()).file(object(".commitmeta"), detached))));
    };
    EXPECT_EQ(with(detached_text(kHeldKey, "text")), ErrorKind::untrusted);
    EXPECT_EQ(with("rubbish"), ErrorKind::invalid);
    EXPECT_EQ(with(std::string(11UL << 20U, 'x')), ErrorKind::too_large);
    TarBuilder many;
    for (int i = 0; i < 5000; ++i) many.directory("d" + std::to_string(i));
    EXPECT_EQ(refusal(image(front(many))), ErrorKind::too_large);
    EXPECT_EQ(refusal(image(front(TarBuilder().file("big", std::string(65UL << 20U, 'x'))))),
              ErrorKind::too_large);
}

// A registry may answer the second request with another commit.
// The range that is fetched first ends between the commit and its metadata, like an archive of the commit
// alone.
TEST_F(HeldCommitThreads, ARangeThatEndsBehindTheCommitIsNotTheWholeLayer) {
    sign({1});
    constexpr std::size_t kRange = 4096;
    constexpr std::size_t kBlock = 512;
    constexpr std::size_t kEnd = 2 * kBlock;  // of an archive
    const std::size_t entry = TarBuilder().file(object(".commit"), commit_object()).finish().size() - kEnd;
    ASSERT_LT(entry, kRange);
    TarBuilder tar;
    for (std::size_t at = entry; at < kRange; at += kBlock) tar.directory("before/");
    tar.file(object(".commit"), commit_object()).file(object(".commitmeta"), held(repo_path()));
    const std::string begin = tar.finish();
    const MemoryImage moved = image(begin.substr(0, begin.size() - kEnd), nullptr, oci::Compression::none);
    EXPECT_EQ(ostree::fetch_held_commit(moved.image).detached, held(repo_path()));
    EXPECT_EQ(moved.source->ranges, 2U);
}

TEST_F(HeldCommitThreads, AnotherCommitThanTheVerifiedOne) {
    const ostree::CommitId other(sha256(as_bytes("other")));
    const MemoryImage of = image();
    ostree::Repository repository = ostree::Repository::open(target());
    NoProgress progress;
    const auto ref = ostree::RefName::parse("x");
    EXPECT_EQ(thrown_kind([&] {
                  ostree::pull_image(repository, of.image, {.ref = ref, .required_commit = other}, progress);
              }),
              ErrorKind::untrusted);
    ostree::ImportOptions options{.ref = ref};
    options.required_commit = other;
    EXPECT_EQ(thrown_kind([&] { ostree::import_image(repository, of.image, options, progress); }),
              ErrorKind::untrusted);
    // An import that would make a commit of its own.
    options.required_commit = commit();
    options.subject = "own";
    EXPECT_EQ(thrown_kind([&] { ostree::import_image(repository, of.image, options, progress); }),
              ErrorKind::usage);
    EXPECT_EQ(repository.resolve("x"), std::nullopt);
    options.subject = "";
    EXPECT_EQ(ostree::import_image(repository, of.image, options, progress).commit, commit());
    EXPECT_TRUE(ostree::import_image(repository, of.image, options, progress).unchanged);
}

TEST_F(HeldCommitThreads, ACommitInAnotherLayoutIsNotTheResult) {
    result_ =
        import(image_of({TarBuilder().file("etc/passwd", "root")}).image, {.layout = ostree::Layout::plain});
    const MemoryImage of = image();
    ostree::Repository repository = ostree::Repository::open(target());
    ostree::ImportOptions options{.ref = ostree::RefName::parse("x")};
    options.required_commit = commit();
    NoProgress progress;
    EXPECT_EQ(thrown_kind([&] { ostree::import_image(repository, of.image, options, progress); }),
              ErrorKind::untrusted);
    EXPECT_EQ(repository.resolve("x"), std::nullopt);
}

TEST_F(HeldCommitThreads, ImportsSign) {
    const MemoryImage of = image_of({TarBuilder().file("usr/b", "b")});
    const auto import_with = [&](const std::vector<unsigned>& keys) {
        ostree::ImportOptions options;
        for (const unsigned n : keys) options.signers.keys.push_back(ed25519_key(n));
        return result_.emplace(import(of.image, options));
    };
    EXPECT_EQ(import_with({1}).signatures_added, 1U);
    EXPECT_FALSE(result_->unchanged);
    const std::string bytes = commit_object();
    EXPECT_EQ(signatures(repo_path()), std::vector<std::string>{ed25519_key(1).sign(bytes)});
    EXPECT_EQ(import_with({1}).signatures_added, 0U) << "the same key again";
    EXPECT_TRUE(result_->unchanged);
    EXPECT_EQ(import_with({2, 1, 2}).signatures_added, 1U) << "another key is added, though nothing else is";
    EXPECT_TRUE(result_->unchanged);
    EXPECT_EQ(signatures(repo_path()),
              (std::vector<std::string>{ed25519_key(1).sign(bytes), ed25519_key(2).sign(bytes)}));
    // An import without a key, and one of an image that brings fewer signatures, lose none.
    EXPECT_EQ(import_with({}).signatures_added, 0U);
    EXPECT_EQ(signatures(repo_path()).size(), 2U);
    // A key that is not one for commits is refused before anything is written.
    ostree::ImportOptions options{.ref = ostree::RefName::parse("other")};
    options.signers.gpg_keys = {"0123456789ABCDEF"};
    options.signers.gpg_homedir = directory_ / "no-gpg";
    EXPECT_THROW(import(of.image, options), Error);
    EXPECT_EQ(ostree::Repository::open(repo_path()).resolve("other"), std::nullopt)
        << "not without its signature";
}

TEST_F(HeldCommitThreads, ImagesThatBringOtherSignaturesAreJoined) {
    sign({1});
    const MemoryImage first = image();
    std::filesystem::remove_all(repo_path());
    bootable({TarBuilder().file("usr/bin/a", "a").file("etc/passwd", "root")});
    sign({2});
    const MemoryImage second = image();
    ostree::Repository repository = ostree::Repository::open(target());
    NoProgress progress;
    ostree::ImportOptions options{.ref = ostree::RefName::parse("x")};
    options.signers.keys.push_back(ed25519_key(3));
    EXPECT_EQ(ostree::import_image(repository, first.image, options, progress).signatures_added, 1U);
    EXPECT_EQ(signatures(target()).size(), 2U);
    ostree::pull_image(repository, second.image, {.ref = ostree::RefName::parse("x")}, progress);
    EXPECT_EQ(signatures(target()).size(), 3U);
    ostree::pull_image(repository, first.image, {.ref = ostree::RefName::parse("x")}, progress);
    EXPECT_EQ(signatures(target()).size(), 3U) << "one that brings fewer takes none away";
}

TEST_F(HeldCommitThreads, ItsReleaseIsInTheBytesThatAreSigned) {
    const ostree::CommitInfo stored =
        ostree::read_commit_info(ostree::Repository::open(repo_path()), commit());
    const ostree::CommitInfo parsed = ostree::parse_commit_info(commit_object());
    EXPECT_EQ(parsed.version, stored.version);
    EXPECT_EQ(parsed.manifest_digest, stored.manifest_digest);
    EXPECT_EQ(parsed.time, stored.time);
    EXPECT_FALSE(parsed.manifest_digest.empty());
    for (const std::string& bad : {std::string(), std::string("rubbish"), commit_object().substr(1)})
        EXPECT_EQ(thrown_kind([&] { ostree::parse_commit_info(bad); }), ErrorKind::invalid);
}

}  // namespace
}  // namespace osb::test
