#include "base/free_space.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <array>

#include "base/error.hh"
#include "base/fd.hh"
#include "tests/support/temp_directory.hh"

namespace osb {
namespace {

struct statfs filesystem(long type) {
    struct statfs out {};
    out.f_type = static_cast<decltype(out.f_type)>(type);
    out.f_frsize = 4096;
    out.f_blocks = 100000;
    out.f_bfree = 10000;
    out.f_bavail = 3000;
    out.f_files = 500;
    out.f_ffree = 20;
    return out;
}

TEST(FreeSpace, RootMayUseTheReserveOfExt4) {
    struct statfs ext4 = filesystem(EXT4_SUPER_MAGIC);
    EXPECT_EQ(usable_space(ext4, false).bytes, 3000U * 4096);
    // 2% are nobody's.
    EXPECT_EQ(usable_space(ext4, true).bytes, 8000U * 4096);
    ext4.f_blocks = 100000000;
    EXPECT_EQ(usable_space(ext4, true).bytes, (10000U - 4096) * 4096);
    ext4.f_bfree = 4000;
    EXPECT_EQ(usable_space(ext4, true).bytes, 3000U * 4096);
}

TEST(FreeSpace, ElsewhereRootHasNoMore) {
    for (const auto type : std::to_array<long>({BTRFS_SUPER_MAGIC, NFS_SUPER_MAGIC, TMPFS_MAGIC})) {
        EXPECT_EQ(usable_space(filesystem(type), true).bytes, 3000U * 4096);
    }
}

TEST(FreeSpace, Files) {
    struct statfs some = filesystem(EXT4_SUPER_MAGIC);
    EXPECT_EQ(usable_space(some, true).files, 20U);
    EXPECT_EQ(usable_space(some, false).files, 20U);
    some.f_files = 0;
    EXPECT_EQ(usable_space(some, false).files, kUnboundedFiles);
}

TEST(FreeSpace, OfThisMachine) {
    const test::TempDirectory directory;
    const Fd fd = open_at(AT_FDCWD, directory.path(), O_RDONLY | O_DIRECTORY);
    EXPECT_GT(free_space(directory.path()).bytes, 0U);
    EXPECT_GT(free_space(fd.get(), "a directory").files, 0U);
    EXPECT_THROW(free_space(directory.path() + "/none"), Error);
}

}  // namespace
}  // namespace osb
