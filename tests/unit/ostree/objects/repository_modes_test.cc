// Who may read a repository is no matter of the umask of whoever writes to it.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/umask_scope.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

namespace fs = std::filesystem;

class RepositoryModesThreads : public ImportTest {
  protected:
    mode_t mode_of(const fs::path& path) const {
        struct stat st {};
        EXPECT_EQ(::lstat(path.c_str(), &st), 0) << path;
        return st.st_mode & 07777U;
    }
    void import_something() {
        TarBuilder tar;
        for (int i = 0; i < 20; ++i) tar.file("file" + std::to_string(i), std::to_string(i));
        import(image_of({tar}).image, {.layout = ostree::Layout::plain});
    }
    void expect_modes(mode_t directories, mode_t files) const {
        for (const fs::directory_entry& one : fs::recursive_directory_iterator(repo_path())) {
            const std::string path = one.path().string();
            if (path.find("/tmp") != std::string::npos || one.path().filename() == ".lock") continue;
            EXPECT_EQ(mode_of(one.path()), one.is_directory() ? directories : files) << path;
        }
    }
};

TEST_F(RepositoryModesThreads, ANewOneIsForEverybodyToRead) {
    const UmaskScope hardened(077);
    ostree::Repository::open_or_create(repo_path());
    EXPECT_EQ(mode_of(repo_path()), 0755U);
    import_something();
    expect_modes(0755, 0644);
}

TEST_F(RepositoryModesThreads, OneThatIsThereStaysAsOpenAsItIs) {
    {
        const UmaskScope usual(022);
        import_something();
    }
    const UmaskScope hardened(077);
    TarBuilder tar;
    tar.file("another", "content");
    import(image_of({tar}).image, {.layout = ostree::Layout::plain});
    expect_modes(0755, 0644);
}

TEST_F(RepositoryModesThreads, AGroupThatWritesAndAPrivateOneStayWhatTheyAre) {
    for (const mode_t mode : {0775U, 0700U}) {
        fs::remove_all(repo_path());
        ostree::Repository::create(repo_path(), ostree::RepoMode::archive);
        const fs::path objects = fs::path(repo_path()) / "objects";
        ASSERT_EQ(::chmod(objects.c_str(), mode), 0);
        const UmaskScope another(022);
        import_something();
        for (const fs::directory_entry& one : fs::directory_iterator(objects)) {
            EXPECT_EQ(mode_of(one.path()), mode) << one.path();
        }
    }
}

}  // namespace
}  // namespace osb::test
