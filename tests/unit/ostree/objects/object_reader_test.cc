// Objects come back as they were stored, in every mode of a repository, and damaged ones do not come back at
// all.
#include "ostree/objects/object_reader.hh"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <tuple>

#include "ostree/tree/commit_walk.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

using ostree::ContentObject;
using ostree::RepoMode;

std::string noise(std::size_t size) {
    std::string out(size, '\0');
    std::uint32_t state = 9;
    for (char& c : out) {
        state = state * 1664525U + 1013904223U;
        c = static_cast<char>(state >> 24U);
    }
    return out;
}

std::string read_content(const ContentObject& object, std::size_t step) {
    std::string out;
    std::vector<std::uint8_t> buffer(step);
    while (const std::size_t n = object.content->read(buffer)) out += as_text(ByteView(buffer).first(n));
    EXPECT_EQ(object.content->read(buffer), 0U);
    return out;
}

class ObjectReaderTest : public ImportTest {
  protected:
    // Sizes around those of buffers; content that deflate makes smaller, and that it cannot.
    const std::vector<std::pair<std::string, std::string>> files_{
        {"empty", ""},
        {"tiny", "x"},
        {"text", "twelve words that are not often found so close together in one line"},
        {"repeats", std::string(300'000, 't')},
        {"buffer", noise(128UL * 1024)},
        {"large", noise(1'500'000) + std::string(2'000'000, '\0')},
    };

    void build(RepoMode mode, const std::string& config = {}) {
        ostree::Repository::create(repo_path(), mode);
        if (!config.empty()) std::ofstream(repo_path() + "/config", std::ios::app) << config;
        TarBuilder layer;
        for (const auto& [name, text] : files_) layer.file(name, text);
        plain({layer.symlink("link", "the/target")});
        repository_.emplace(ostree::Repository::open(repo_path()));
        walk_ = ostree::walk_commit(*repository_, result_->commit);
    }

    Sha256 object_of(const std::string& path) const {
        for (const ostree::WalkedFile& file : walk_.files) {
            if (std::find(file.paths.begin(), file.paths.end(), path) != file.paths.end())
                return file.checksum;
        }
        ADD_FAILURE() << "no file " << path;
        return {};
    }

    std::string stored_path(const Sha256& object) const {
        return concat(repo_path(), "/objects/", ostree::loose_path(object, ostree::ObjectType::file, true));
    }

    static std::string load(const std::string& path) {
        std::ifstream in(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    static void store(const std::string& path, const std::string& bytes) {
        std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    }

    // The exit status that reading the object ends with; 0 when it is read.
    int status_of_reading(const Sha256& object) const {
        try {
            const ContentObject opened = ostree::open_object(*repository_, object);
            if (opened.content) read_content(opened, 65536);
        } catch (const Error& error) {
            EXPECT_NE(error.message().find(to_hex(object)), std::string::npos) << error.message();
            return exit_status(error.kind());
        }
        return 0;
    }

    std::optional<ostree::Repository> repository_;
    ostree::CommitWalk walk_;
};

class ObjectReaderModes : public ObjectReaderTest,
                          public ::testing::WithParamInterface<std::pair<RepoMode, const char*>> {};

TEST_P(ObjectReaderModes, EverythingComesBack) {
    if (GetParam().first == RepoMode::bare && ::geteuid() != 0) GTEST_SKIP() << "needs root";
    build(GetParam().first, GetParam().second);
    for (const auto& [name, text] : files_) {
        for (const std::size_t step : {std::size_t{1000}, std::size_t{4} << 20U}) {
            const ContentObject object = ostree::open_object(*repository_, object_of(name));
            EXPECT_TRUE(S_ISREG(object.mode)) << name;
            EXPECT_EQ(object.size, text.size()) << name;
            ASSERT_TRUE(object.content);
            EXPECT_TRUE(read_content(object, step) == text) << name << ' ' << step;
        }
    }
    const ContentObject link = ostree::open_object(*repository_, object_of("link"));
    EXPECT_TRUE(S_ISLNK(link.mode));
    EXPECT_EQ(link.target, "the/target");
    EXPECT_FALSE(link.content);
}

TEST_P(ObjectReaderModes, HeadersAreThoseOfWholeObjects) {
    if (GetParam().first == RepoMode::bare && ::geteuid() != 0) GTEST_SKIP() << "needs root";
    build(GetParam().first, GetParam().second);
    for (const ostree::WalkedFile& file : walk_.files) {
        const ContentObject whole = ostree::open_object(*repository_, file.checksum);
        const ContentObject header = ostree::read_object_header(*repository_, file.checksum);
        EXPECT_EQ(std::tie(header.uid, header.gid, header.mode, header.xattrs, header.target, header.size),
                  std::tie(whole.uid, whole.gid, whole.mode, whole.xattrs, whole.target, whole.size))
            << file.paths.front();
        EXPECT_FALSE(header.content);
    }
}

INSTANTIATE_TEST_SUITE_P(Modes, ObjectReaderModes,
                         ::testing::Values(std::pair(RepoMode::archive, ""),
                                           std::pair(RepoMode::archive, "\n[archive]\nzlib-level=6\n"),
                                           std::pair(RepoMode::bare, ""), std::pair(RepoMode::bare_user, ""),
                                           std::pair(RepoMode::bare_user_only, "")));

// One byte after the other, header, deflate data and all.
TEST_F(ObjectReaderTest, NoDamagedByteGoesUnnoticed) {
    build(RepoMode::archive);
    const Sha256 object = object_of("text");
    const std::string path = stored_path(object);
    const std::string good = load(path);
    std::size_t noticed = 0;
    for (std::size_t i = 0; i < good.size(); ++i) {
        std::string bad = good;
        bad[i] = static_cast<char>(bad[i] ^ 0x10);
        store(path, bad);
        const int status = status_of_reading(object);
        noticed += status == 3 ? 1 : 0;
        // Bits that no decoder looks at (padding; the device number of a file): the content is right then.
        EXPECT_TRUE(status == 3 || status == 0) << i;
    }
    EXPECT_GT(noticed, good.size() * 3 / 4) << "of " << good.size();
    store(path, good);
    EXPECT_EQ(status_of_reading(object), 0);
}

TEST_F(ObjectReaderTest, TruncatedEverywhere) {
    build(RepoMode::archive);
    const Sha256 object = object_of("text");
    const std::string path = stored_path(object);
    const std::string good = load(path);
    for (std::size_t length = 0; length + 8 < good.size(); ++length) {
        store(path, good.substr(0, length));
        EXPECT_EQ(status_of_reading(object), 3) << length;
    }
}

TEST_F(ObjectReaderTest, AnotherObjectInItsPlace) {
    build(RepoMode::archive);
    for (const char* name : {"tiny", "link", "empty"}) {
        const std::string good = load(stored_path(object_of(name)));
        for (const char* other : {"text", "link", "empty", "tiny"}) {
            if (std::string(name) == other) continue;
            store(stored_path(object_of(name)), load(stored_path(object_of(other))));
            EXPECT_EQ(status_of_reading(object_of(name)), 3) << name << ' ' << other;
            store(stored_path(object_of(name)), good);
        }
    }
}

TEST_F(ObjectReaderTest, HostileHeaders) {
    build(RepoMode::archive);
    const Sha256 object = object_of("tiny");
    const std::string path = stored_path(object);
    const std::string good = load(path);
    for (const std::string& header :
         {std::string(8, '\0'), std::string("\xFF\xFF\xFF\xFF\0\0\0\0", 8),
          std::string("\0\x20\0\0\0\0\0\0", 8), std::string("\0\0\0\1\0\0\0\0", 8)}) {
        store(path, header + good.substr(8));
        EXPECT_EQ(status_of_reading(object), 3);
    }
}

// Of every length, also where the header ends with the file.
TEST_F(ObjectReaderTest, HeadersThatAreHostile) {
    build(RepoMode::archive);
    const auto status_of_header = [&](const Sha256& object) {
        try {
            ostree::read_object_header(*repository_, object);
        } catch (const Error& error) {
            EXPECT_NE(error.message().find(to_hex(object)), std::string::npos) << error.message();
            return exit_status(error.kind());
        }
        return 0;
    };
    const Sha256 link = object_of("link");
    const std::string good = load(stored_path(link));
    for (std::size_t length = 0; length < good.size(); ++length) {
        store(stored_path(link), good.substr(0, length));
        EXPECT_EQ(status_of_header(link), 3) << length;
    }
    for (std::size_t i = 8; i < good.size(); ++i) {
        std::string bad = good;
        bad[i] = static_cast<char>(bad[i] ^ 0x10);
        store(stored_path(link), bad);
        const int status = status_of_header(link);
        EXPECT_TRUE(status == 3 || status == 0) << i;  // 0: bits that mean nothing for a link
    }
    for (const std::string& header : {std::string(8, '\0'), std::string("\xFF\xFF\xFF\xFF\0\0\0\0", 8),
                                      std::string("\0\x20\0\0\0\0\0\0", 8)}) {
        store(stored_path(link), header + good.substr(8));
        EXPECT_EQ(status_of_header(link), 3);
    }
    store(stored_path(link), load(stored_path(object_of("empty"))));
    EXPECT_EQ(status_of_header(link), 3);
}

TEST_F(ObjectReaderTest, DamageInABareRepository) {
    build(RepoMode::bare_user);
    const Sha256 object = object_of("buffer");
    const std::string path =
        concat(repo_path(), "/objects/", ostree::loose_path(object, ostree::ObjectType::file, false));
    std::string bytes = load(path);
    bytes[100] = static_cast<char>(bytes[100] + 1);
    store(path, bytes);
    EXPECT_EQ(status_of_reading(object), 3);
}

TEST_F(ObjectReaderTest, DamagedMetadata) {
    build(RepoMode::archive);
    const Sha256 tree = walk_.directories.front().tree;
    const std::string good = ostree::read_metadata(*repository_, ostree::ObjectType::dirtree, tree);
    EXPECT_EQ(sha256(as_bytes(good)), tree);
    std::string bad = good;
    const std::size_t at = bad.find("empty");
    ASSERT_NE(at, std::string::npos);
    bad[at] = 'E';
    store(concat(repo_path(), "/objects/", ostree::loose_path(tree, ostree::ObjectType::dirtree, true)), bad);
    EXPECT_THROW(ostree::read_metadata(*repository_, ostree::ObjectType::dirtree, tree), Error);
}

TEST_F(ObjectReaderTest, MissingObject) {
    build(RepoMode::archive);
    EXPECT_EQ(status_of_reading(sha256(as_bytes("not there"))), exit_status(ErrorKind::not_found));
}

}  // namespace
}  // namespace osb::test
