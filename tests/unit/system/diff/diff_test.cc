#include "system/diff/diff.hh"

#include <gtest/gtest.h>

#include "base/error.hh"
#include "ostree/import/import.hh"
#include "tests/support/memory_image.hh"
#include "tests/support/tar_builder.hh"
#include "tests/support/temp_directory.hh"

namespace osb::system {
namespace {

using test::TarBuilder;

TEST(DiffOperandKind, OfEachForm) {
    for (const char* image :
         {"docker://x/y", "docker:", "oci:dir", "oci-archive:-", "docker-archive:f", "containers-storage:x",
          "dir:x", "tarball:x.tar", "docker-daemon:x", "floppy://x"})
        EXPECT_EQ(kind_of_operand(image), OperandKind::image) << image;
    for (const char* deployment : {"booted", "staged", "pending", "rollback", "0", "123", "0123abcd.1"})
        EXPECT_EQ(kind_of_operand(deployment), OperandKind::deployment) << deployment;
    for (const char* revision :
         {"os/x86_64/main", "remote:os/main", "1234", "0123abcd", "docker", "oci", "ocix:y", "", "booted/x"})
        EXPECT_EQ(kind_of_operand(revision), OperandKind::revision) << revision;
}

class DiffSystemsTest : public ::testing::Test {
  protected:
    void import(const std::string& ref, const TarBuilder& layer) {
        ostree::Repository repository = ostree::Repository::open_or_create(directory_ / "repo");
        const test::MemoryImage image = test::make_image({{layer.finish()}});
        ostree::import_image(repository, image.image,
                             {.ref = ostree::RefName::parse(ref), .layout = ostree::Layout::plain},
                             progress_);
    }
    SystemDiff diff(const std::string& a, const std::string& b) {
        return diff_systems(
            a, b,
            {.repository = directory_ / "repo",
             .open_sysroot = []() -> ostree::Sysroot { throw Error(ErrorKind::refused, "no sysroot"); },
             .platform = std::nullopt,
             .registry = {}},
            progress_);
    }
    ErrorKind failure(const std::string& a, const std::string& b) {
        try {
            diff(a, b);
        } catch (const Error& error) {
            return error.kind();
        }
        return ErrorKind::internal;
    }

    test::TempDirectory directory_;
    NoProgress progress_;
};

TEST_F(DiffSystemsTest, TwoRefs) {
    import("a", TarBuilder().file("lib/apk/db/installed", "P:x\nV:1\n\nP:y\nV:1\n").file("f", "1"));
    import("b", TarBuilder().file("lib/apk/db/installed", "P:x\nV:2\n\nP:z\nV:1\n").file("f", "2"));
    import("none", TarBuilder().file("f", "2"));
    const SystemDiff found = diff("a", "b");
    ASSERT_TRUE(found.packages.changes);
    EXPECT_EQ(found.packages.changes->size(), 3U);
    EXPECT_EQ(found.packages.unknown, "");
    EXPECT_EQ(found.tree.files.changed, 2U);
    EXPECT_EQ(diff("a", "none").packages.unknown, "'none' has no apk database");
    EXPECT_EQ(diff("none", "b").packages.unknown, "'none' has no apk database");
    EXPECT_EQ(diff("none", "none").packages.unknown, "neither side has an apk database");
}

TEST_F(DiffSystemsTest, Refusals) {
    import("a", TarBuilder().file("f", "1"));
    EXPECT_EQ(failure("a", "c"), ErrorKind::not_found);
    EXPECT_EQ(failure("a", "booted"), ErrorKind::refused);  // asks for the sysroot, and only then
    EXPECT_EQ(failure("a", "floppy://x"), ErrorKind::usage);
    EXPECT_EQ(failure("a", "oci:" + (directory_ / "none")), ErrorKind::not_found);
}

}  // namespace
}  // namespace osb::system
