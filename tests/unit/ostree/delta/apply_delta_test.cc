// Static deltas that libostree made, applied to repositories in every mode.
#include "ostree/delta/apply_delta.hh"

#include <algorithm>
#include <fstream>

#include "oci/codec/unxz.hh"
#include "ostree/delta/base_object.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/tree/commit_walk.hh"
#include "tests/support/thrown_kind.hh"
#include "tests/unit/ostree/delta/delta_fixture.hh"

namespace osb::test {
namespace {

class ApplyDeltaThreads : public DeltaTest {};

TEST_F(ApplyDeltaThreads, GivesTheCommitInEveryMode) {
    make_commits();
    const ostree::DeltaFiles files = make();
    const Listing expected = list_commit(repo_path(), to_);
    for (const ostree::RepoMode mode : {ostree::RepoMode::archive, ostree::RepoMode::bare_user}) {
        SCOPED_TRACE(ostree::to_string(mode));
        const std::string target = target_with_old(mode, std::string(ostree::to_string(mode)));
        apply(target, files.content(), parts_of(files), 3);
        write_commit(target, files.content());
        EXPECT_EQ(list_commit(target, to_), expected);
        // Each object is verified when it is read.
        for (const ostree::WalkedFile& file :
             ostree::walk_commit(ostree::Repository::open(target), to()).files) {
            ostree::ContentObject object =
                ostree::open_object(ostree::Repository::open(target), file.checksum);
            if (object.content) read_all(*object.content, 64UL << 20U, "x");
        }
    }
}

TEST_F(ApplyDeltaThreads, PartsWhoseObjectsAreThereAreNotNeeded) {
    make_commits();
    const ostree::DeltaFiles files = make();
    const std::string target = target_with_old(ostree::RepoMode::archive, "target");
    ostree::Repository repository = ostree::Repository::open(target);
    EXPECT_TRUE(ostree::DeltaApplication(repository, files.content()).needs(0));
    apply(target, files.content(), parts_of(files));
    ostree::DeltaApplication again(repository, files.content());
    for (std::size_t i = 0; i < files.content().parts.size(); ++i) EXPECT_FALSE(again.needs(i));
}

TEST_F(ApplyDeltaThreads, AMissingBaseIsNotFound) {
    make_commits();
    const ostree::DeltaFiles files = make();
    const std::string target = directory_ / "empty";
    make_quick(target);
    EXPECT_EQ(thrown_kind([&] { apply(target, files.content(), parts_of(files)); }), ErrorKind::not_found);
}

// Of the files beside the objects. Here nothing else is written: all objects are there.
TEST_F(ApplyDeltaThreads, ScratchFilesKeepTheReserve) {
    make_commits();
    const ostree::DeltaFiles files = make();
    const std::vector<std::string> parts = parts_of(files);
    const std::string target = target_with_old(ostree::RepoMode::archive, "target");
    apply(target, files.content(), parts);
    const Sha256 large = [&] {
        const ostree::Repository repository = ostree::Repository::open(target);
        for (const ostree::WalkedFile& file : ostree::walk_commit(repository, from()).files) {
            if (ostree::read_object_header(repository, file.checksum).size == 3'000'000) return file.checksum;
        }
        return Sha256{};
    }();
    const auto apply_again = [&] {
        ostree::Repository repository = ostree::Repository::open(target);
        ostree::DeltaApplication application(repository, files.content());
        MemorySource blob(as_bytes(parts[0]));
        application.apply(0, blob, parts[0].size(), 1);
    };
    const auto load = [&] { ostree::BaseObject::load(ostree::Repository::open(target), large); };
    EXPECT_NO_THROW(apply_again());
    EXPECT_NO_THROW(load());
    std::ofstream(target + "/config", std::ios::app) << "min-free-space-size=900TB\n";
    EXPECT_EQ(thrown_kind(apply_again), ErrorKind::no_space);
    EXPECT_EQ(thrown_kind(load), ErrorKind::no_space);
}

// Whatever byte of a part is wrong, no object with a wrong checksum is stored.
TEST_F(ApplyDeltaThreads, NoDamageOfAPartStoresAWrongObject) {
    make_commits();
    const ostree::DeltaFiles files = make();
    const std::vector<std::string> parts = parts_of(files);
    // Uncompressed, so that the damage reaches the instructions instead of the decompressor.
    std::vector<std::string> plain;
    for (const std::string& part : parts) {
        MemorySource source(as_bytes(part).subspan(1));
        plain.push_back(std::string(1, '\0') + read_all(*oci::unxz(source), 64UL << 20U, "a part"));
    }
    const std::string clean = target_with_old(ostree::RepoMode::archive, "clean");
    unsigned refused = 0;
    std::mt19937 random(7);
    for (unsigned round = 0; round < 60; ++round) {
        const std::string target = directory_ / concat("damaged", round);
        std::filesystem::copy(clean, target, std::filesystem::copy_options::recursive);
        std::vector<std::string> damaged = plain;
        std::string& part = damaged[random() % damaged.size()];
        // The last bytes hold the instructions and the offsets of the parts.
        const std::size_t tail =
            std::min<std::size_t>(part.size() - 1, round % 2 == 0 ? 400 : part.size() - 1);
        part[part.size() - 1 - random() % tail] ^= static_cast<char>(1U << (random() % 8));
        try {
            apply(target, files.content(), damaged);
        } catch (const Error& error) {
            EXPECT_TRUE(error.kind() == ErrorKind::invalid || error.kind() == ErrorKind::digest_mismatch ||
                        error.kind() == ErrorKind::unsupported || error.kind() == ErrorKind::too_large ||
                        error.kind() == ErrorKind::not_found)
                << error.message();
            ++refused;
            continue;
        }
        write_commit(target, files.content());
        EXPECT_EQ(list_commit(target, to_), list_commit(repo_path(), to_));
    }
    EXPECT_GT(refused, 20U);
}

// A delta may list an object that no commit needs; it is not written.
TEST_F(ApplyDeltaThreads, FilesOutsideTheCommitAreNotWritten) {
    make_commits();
    const ostree::DeltaFiles files = make();
    ostree::DeltaSuperblock other = files.content();
    // The same parts, said to be of the old commit: its tree has other files.
    const ostree::Repository source = ostree::Repository::open(repo_path());
    other.to = from();
    other.commit_object = ostree::read_commit_object(source, from());
    const std::string target = target_with_old(ostree::RepoMode::archive, "target");
    apply(target, other, parts_of(files));
    ostree::Repository repository = ostree::Repository::open(target);
    const ostree::ObjectLookup present(repository);
    for (const ostree::DeltaPartInfo& part : files.content().parts) {
        for (const ostree::DeltaTarget& object : part.targets) {
            if (object.type == ostree::ObjectType::file) {
                EXPECT_FALSE(present.has(object.checksum, object.type));
            }
        }
    }
}

TEST_F(ApplyDeltaThreads, PartsOfOtherBytesAreRefused) {
    make_commits();
    const ostree::DeltaFiles files = make();
    const std::string target = target_with_old(ostree::RepoMode::archive, "target");
    for (const std::string& bytes :
         {std::string(), std::string("q123"), std::string("x123"), std::string("x"), std::string(1, '\0'),
          parts_of(files)[0].substr(0, 100)}) {
        SCOPED_TRACE(bytes.size());
        const ErrorKind kind = thrown_kind([&] { apply(target, files.content(), {bytes}); });
        EXPECT_TRUE(kind == ErrorKind::invalid || kind == ErrorKind::unsupported) << to_string(kind);
    }
}

}  // namespace
}  // namespace osb::test
