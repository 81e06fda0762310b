// What others can see of objects whose bytes are not verified yet.
#include "ostree/objects/object_writer.hh"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/fd.hh"
#include "ostree/objects/repository_handle.hh"
#include "tests/support/temp_directory.hh"

namespace osb::test {
namespace {

namespace fs = std::filesystem;
using ostree::FileMeta;
using ostree::RepoMode;

struct stat stat_of(const fs::path& path) {
    struct stat st {};
    EXPECT_EQ(::lstat(path.c_str(), &st), 0) << path;
    return st;
}

mode_t umask_of_process() {
    const mode_t mask = ::umask(0);
    ::umask(mask);
    return mask;
}

class ObjectWriterThreads : public ::testing::TestWithParam<RepoMode> {
  protected:
    void SetUp() override {
        ostree::Repository::create(repo_, GetParam());
        xattrs_ = ::setxattr(repo_.c_str(), "user.osb.test", "1", 1, 0) == 0;
    }

    // A file that everybody could run as its owner, if it were there.
    FileMeta setuid_file() const {
        return {.uid = owner_, .gid = group_, .mode = S_IFREG | 06755U, .xattrs = attributes_};
    }

    Sha256 write_all(ostree::ObjectWriter& writer) {
        writer.write_file({.uid = owner_, .gid = group_, .mode = S_IFLNK | 0777U, .xattrs = {}}, "target",
                          {});
        TaskPool pool(1, 1024UL * 1024);
        ostree::FileStream stream(writer, pool, setuid_file(), 3);
        auto piece = std::make_unique<std::uint8_t[]>(3);
        stream.write(std::move(piece), 3);
        stream.finish();
        return writer.write_file(setuid_file(), {}, as_bytes("content"));
    }

    fs::path staging() const {
        fs::path out;
        for (const auto& entry : fs::directory_iterator(repo_ / "tmp")) {
            if (entry.path().filename().string().starts_with("osb-import-")) out = entry.path();
        }
        return out;
    }

    TempDirectory directory_;
    const fs::path repo_ = fs::path(directory_.path()) / "repo";
    const std::uint32_t owner_ = ::geteuid() == 0 ? 12345 : ::geteuid();
    const std::uint32_t group_ = ::geteuid() == 0 ? 12345 : ::getegid();
    bool xattrs_ = false;
    std::string attributes_ = ostree::serialize_xattrs({{"user.a", "b"}});
};

TEST_P(ObjectWriterThreads, NobodySeesWhatIsNotVerified) {
    if (!xattrs_) attributes_.clear();
    if (GetParam() == RepoMode::bare_user && !xattrs_) GTEST_SKIP() << "no attributes on " << repo_;
    ostree::Repository repository = ostree::Repository::open(repo_);
    ostree::Transaction transaction(repository);
    ostree::ObjectWriter writer(repository);
    const Sha256 checksum = write_all(writer);

    EXPECT_EQ(stat_of(staging()).st_mode & 07777U, 0700U);
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(staging())) {
        const struct stat st = stat_of(entry.path());
        EXPECT_EQ(st.st_uid, ::geteuid()) << entry.path();
        if (entry.is_symlink()) continue;
        if (entry.is_directory()) {
            EXPECT_EQ(st.st_mode & 07777U, 0700U) << entry.path();
            continue;
        }
        ++files;
        EXPECT_EQ(st.st_mode & 07000U, 0U) << entry.path();
        if (GetParam() != RepoMode::bare) continue;
        EXPECT_EQ(st.st_mode & 07777U, 0600U) << entry.path();
        EXPECT_LT(::getxattr(entry.path().c_str(), "user.a", nullptr, 0), 0) << entry.path();
    }
    EXPECT_GE(files, 2U);

    writer.publish();
    EXPECT_TRUE(fs::is_empty(staging()));
    const fs::path object = repo_ / "objects" / ostree::loose_path(checksum, ostree::ObjectType::file, false);
    const struct stat st = stat_of(object);
    EXPECT_EQ(stat_of(object.parent_path()).st_mode & 0700U, 0700U);
    EXPECT_EQ(stat_of(object.parent_path()).st_mode & 0777U, 0775U & ~umask_of_process());
    EXPECT_EQ(st.st_mtime, 0);
    if (GetParam() != RepoMode::bare) return;
    EXPECT_EQ(st.st_mode & 07777U, 06755U);
    EXPECT_EQ(st.st_uid, owner_);
    EXPECT_EQ(st.st_gid, group_);
    EXPECT_EQ(::getxattr(object.c_str(), "user.a", nullptr, 0), xattrs_ ? 1 : -1);
}

INSTANTIATE_TEST_SUITE_P(Modes, ObjectWriterThreads,
                         testing::Values(RepoMode::bare, RepoMode::bare_user, RepoMode::bare_user_only));

}  // namespace
}  // namespace osb::test
