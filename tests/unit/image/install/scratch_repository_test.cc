#include "image/install/scratch_repository.hh"

#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <set>
#include <string>

#include "ostree/import/import.hh"
#include "tests/support/memory_image.hh"
#include "tests/support/tar_builder.hh"
#include "tests/support/temp_directory.hh"

namespace osb::image {
namespace {

using ostree::RepoMode;
using ostree::Repository;

std::set<std::string> paths_below(const std::string& top) {
    std::set<std::string> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(top)) out.insert(entry.path());
    return out;
}

class ScratchRepositoryTest : public ::testing::TestWithParam<RepoMode> {};

TEST_P(ScratchRepositoryTest, ReadsThroughAnotherRepository) {
    const test::TempDirectory directory;
    const std::string path = directory / "a repository \\ with = signs";
    Repository::create(path, GetParam());
    Repository other = Repository::open(path);
    const test::MemoryImage image =
        test::make_image({{test::TarBuilder().file("f", "1").symlink("l", "f").finish()}});
    NoProgress progress;
    const ostree::ImportOptions options{.ref = ostree::RefName::parse("os/test"),
                                        .layout = ostree::Layout::plain};
    const ostree::CommitId commit = ostree::import_image(other, image.image, options, progress).commit;
    const std::set<std::string> before = paths_below(path);
    image.source->opened = 0;
    {
        ScratchRepository scratch(directory / "", &other);
        EXPECT_EQ(scratch.repository().resolve("os/test"), commit);
        const ostree::ImportResult again = ostree::import_image(scratch.repository(), image.image,
                                                                {.ref = ostree::RefName::parse("other"),
                                                                 .layout = ostree::Layout::plain,
                                                                 .parent = ostree::Parent::none},
                                                                progress);
        EXPECT_EQ(image.source->opened, 0U);
        EXPECT_EQ(again.layers_reused, 1U);
    }
    EXPECT_EQ(paths_below(path), before);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory / ""), {}), 1);
}

INSTANTIATE_TEST_SUITE_P(Modes, ScratchRepositoryTest,
                         ::testing::Values(RepoMode::archive, RepoMode::bare_user, RepoMode::bare_user_only));

}  // namespace
}  // namespace osb::image
