// Filesystems that e2fsprogs takes, and whose files it reads back.
#include "image/ext4/ext4_writer.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <regex>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/fd.hh"
#include "image/disk/byte_size.hh"
#include "ostree/objects/object_format.hh"
#include "tests/support/temp_directory.hh"
#include "tests/unit/image/witness.hh"

namespace osb::test {
namespace {

using image::Attributes;
using image::Content;
using image::DiskArea;
using image::Ext4Options;
using image::Ext4Writer;
using image::Extent;
using image::FileTree;
using image::InodeId;
using image::kMebibyte;

Ext4Options options() {
    Ext4Options out{.label = "TEST", .time = 1700000000};
    out.uuid.fill(0x11);
    out.hash_seed.fill(0x22);
    return out;
}

class Ext4Writer_ : public testing::Test {
  protected:
    // Writes the tree with the contents that it holds itself; returns the file's path.
    std::string write(const FileTree& tree, std::uint64_t size, const Ext4Options& how,
                      const std::string& name = "disk") {
        const std::string path = directory_ / name;
        const Fd fd = open_at(AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC, 0600);
        EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
        const DiskArea area(fd.get(), 0, size, true, "test");
        Ext4Writer writer(area, tree, how);
        writer.write_tree();
        for (InodeId id = 0; id < tree.inodes().size(); ++id) {
            if (tree.inode(id).kind != image::InodeKind::file) continue;
            std::string rest = tree.inode(id).content.bytes;
            for (const Extent& extent : writer.extents(id)) {
                const std::string part = rest.substr(0, extent.blocks * image::kBlockSize);
                area.write(extent.disk_block * image::kBlockSize, as_bytes(part));
                rest.erase(0, part.size());
            }
        }
        writer.finish();
        return path;
    }

    static void check(const std::string& path) {
        const Witnessed fsck = witness({"e2fsck", "-f", "-n", path});
        EXPECT_EQ(fsck.status, 0) << fsck.output;
    }

    static std::string debugfs(const std::string& path, const std::string& request) {
        return witness({"debugfs", "-R", request, path}).output;
    }

    TempDirectory directory_;
};

TEST_F(Ext4Writer_, EveryKindOfInode) {
    FileTree tree({.mode = 0755, .mtime = 1});
    const InodeId sub = tree.add_directory(0, "sub", {.mode = 01777, .uid = 70000, .gid = 5, .mtime = 7});
    const InodeId file =
        tree.add_file(sub, "file", {.mode = 04755, .uid = 1, .gid = 80000, .mtime = 9}, Content::of("hello"));
    tree.add_link(0, "other-name", file);
    tree.add_file(0, "empty", {.mode = 0600}, Content::of(""));
    tree.add_symlink(0, "short", {}, "sub/file");
    const std::string target(300, 't');
    tree.add_symlink(0, "long", {}, target);
    tree.add_file(0, "fixed", {.mode = 0444, .immutable = true}, Content::of(std::string(10000, 'x')));
    tree.add_file(0, "marked",
                  {.mode = 0644,
                   .xattrs = ostree::serialize_xattrs(
                       {{"security.capability", "cap"}, {"user.a", std::string(600, 'v')}})},
                  Content::of("m"));
    for (const bool for_bootloader : {false, true}) {
        Ext4Options how = options();
        how.for_bootloader = for_bootloader;
        const std::string path = write(tree, 64 * kMebibyte, how);
        check(path);
        const std::string stat = debugfs(path, "stat /sub/file");
        EXPECT_NE(stat.find("Mode:  04755"), std::string::npos) << stat;
        EXPECT_NE(stat.find("Group: 80000"), std::string::npos) << stat;
        EXPECT_NE(stat.find("Links: 2"), std::string::npos) << stat;
        EXPECT_NE(debugfs(path, "stat /sub").find("User: 70000"), std::string::npos);
        EXPECT_NE(debugfs(path, "stat /short").find("Fast link dest: \"sub/file\""), std::string::npos);
        EXPECT_NE(debugfs(path, "stat /fixed").find("Flags: 0x80010"), std::string::npos);
        EXPECT_NE(debugfs(path, "ea_get -V /marked user.a").find(std::string(600, 'v')), std::string::npos);
        EXPECT_EQ(debugfs(path, "cat /other-name").substr(debugfs(path, "cat /empty").size()), "hello");
        const std::string out = directory_ / (for_bootloader ? "out1" : "out0");
        std::filesystem::create_directory(out);
        static_cast<void>(debugfs(path, "rdump / " + out));
        EXPECT_EQ(std::filesystem::read_symlink(out + "/long"), target);
        EXPECT_EQ(read_file(out + "/fixed"), std::string(10000, 'x'));
        const std::string features = witness({"dumpe2fs", "-h", path}).output;
        EXPECT_EQ(features.find(" 64bit ") == std::string::npos, for_bootloader) << features;
        EXPECT_NE(features.find("11111111-1111-1111-1111-111111111111"), std::string::npos);
        EXPECT_TRUE(std::regex_search(features, std::regex("Errors behavior: +Remount read-only\n")))
            << features;
    }
}

TEST_F(Ext4Writer_, DirectoriesOfManyBlocksAreIndexed) {
    FileTree tree({.mode = 0755});
    const InodeId large = tree.add_directory(0, "large", {.mode = 0755});
    // The longest names: 15 of them fill a block, and the root of the index leads to about 500 blocks.
    constexpr int kEntries = 9000;
    const std::string prefix(250, 'n');
    for (int i = 0; i < kEntries; ++i) {
        const std::string number = std::to_string(i);
        tree.add_symlink(large, prefix + std::string(5 - number.size(), '0') + number, {}, "x");
    }
    const InodeId many = tree.add_directory(0, "many", {.mode = 0755});
    for (int i = 0; i < 400; ++i) tree.add_directory(many, "d" + std::to_string(i), {.mode = 0755});
    const std::string path = write(tree, 64 * kMebibyte, options());
    check(path);
    EXPECT_NE(debugfs(path, "stat /large").find("Flags: 0x81000"), std::string::npos);
    EXPECT_NE(debugfs(path, "htree_dump /large").find("Indirect levels: 1"), std::string::npos);
    // By the index: debugfs itself reads from one end to the other.
    EXPECT_NE(debugfs(path, "stat /many").find("Flags: 0x81000"), std::string::npos);
    EXPECT_NE(debugfs(path, concat("stat /large/", prefix, "03141")).find("Type: symlink"),
              std::string::npos);
}

TEST_F(Ext4Writer_, LargeFilesInManyPieces) {
    FileTree tree({.mode = 0755});
    Content content;
    content.is_object = true;  // nobody writes it
    content.size = 900 * kMebibyte;
    const InodeId id = tree.add_file(0, "large", {.mode = 0644}, content);
    const std::string path = directory_ / "disk";
    const Fd fd = open_at(AT_FDCWD, path, O_RDWR | O_CREAT, 0600);
    constexpr std::uint64_t kSize = 1024 * kMebibyte;
    ASSERT_EQ(::ftruncate(fd.get(), kSize), 0);
    const DiskArea area(fd.get(), 0, kSize, true, "test");
    Ext4Writer writer(area, tree, options());
    writer.write_tree();
    EXPECT_GT(writer.extents(id).size(), 4U);
    std::uint64_t blocks = 0;
    for (const Extent& extent : writer.extents(id)) {
        EXPECT_EQ(extent.file_block, blocks);
        blocks += extent.blocks;
    }
    EXPECT_EQ(blocks * image::kBlockSize, content.size);
    writer.finish();
    check(path);
    // Zeros take no space.
    struct stat st {};
    ASSERT_EQ(::fstat(fd.get(), &st), 0);
    EXPECT_LT(st.st_blocks * 512, static_cast<off_t>(kMebibyte));
}

TEST_F(Ext4Writer_, WhatWasRemovedIsNotThere) {
    FileTree tree({.mode = 0755, .mtime = 1});
    const InodeId sub = tree.add_directory(0, "sub", {.mode = 0755});
    tree.add_symlink(sub, "gone", {}, "target");
    const InodeId file = tree.add_file(sub, "file", {.mode = 0644}, Content::of("text"));
    tree.add_link(0, "other", file);
    tree.add_file(sub, "last", {.mode = 0644}, Content::of("last"));
    tree.remove(sub, "gone");
    tree.remove(sub, "file");
    EXPECT_THROW(tree.remove(0, "sub"), Error);
    EXPECT_THROW(tree.remove(sub, "gone"), Error);
    const std::string path = write(tree, 32 * kMebibyte, options());
    check(path);
    EXPECT_EQ(debugfs(path, "ls /sub").find("gone"), std::string::npos);
    EXPECT_NE(debugfs(path, "cat /other").find("text"), std::string::npos);
    EXPECT_NE(debugfs(path, "cat /sub/last").find("last"), std::string::npos);
}

TEST_F(Ext4Writer_, TheSameTreeGivesTheSameBytes) {
    FileTree tree({.mode = 0755});
    for (int i = 0; i < 300; ++i) {
        tree.add_file(0, "file " + std::to_string(i), {.mode = 0644}, Content::of(std::string(5000, 'x')));
    }
    const std::string first = read_file(write(tree, 16 * kMebibyte, options(), "a"));
    const std::string second = read_file(write(tree, 16 * kMebibyte, options(), "b"));
    EXPECT_TRUE(first == second);
    Ext4Options other = options();
    other.time += 1;
    EXPECT_FALSE(first == read_file(write(tree, 16 * kMebibyte, other, "c")));
}

TEST_F(Ext4Writer_, NothingOfWhatWasThereShows) {
    FileTree tree({.mode = 0755});
    tree.add_file(0, "file", {.mode = 0644}, Content::of("x"));
    const std::string path = directory_ / "disk";
    constexpr std::uint64_t kSize = 16 * kMebibyte;
    write_file(path, std::string(kSize, '\xA5'));
    const Fd fd = open_at(AT_FDCWD, path, O_RDWR);
    const DiskArea area(fd.get(), 0, kSize, false, "test");
    Ext4Writer writer(area, tree, options());
    writer.write_tree();
    area.write(writer.extents(1)[0].disk_block * image::kBlockSize, as_bytes(std::string("x")));
    writer.finish();
    check(path);
}

TEST_F(Ext4Writer_, TheEstimatedSizeIsEnough) {
    for (const std::size_t files : {0U, 10U, 3000U}) {
        for (const std::uint64_t size : {1ULL, 4096ULL, 70000ULL}) {
            FileTree tree({.mode = 0755});
            for (std::size_t i = 0; i < files; ++i) {
                Content content;
                content.is_object = true;
                content.size = size;
                tree.add_file(0, std::to_string(i) + std::string(60, 'n'), {.mode = 0644}, content);
            }
            const std::uint64_t needed = image::ext4_size_for(tree, kMebibyte);
            std::string path;
            ASSERT_NO_THROW(path = write(tree, needed, options())) << files << " of " << size;
            check(path);
        }
    }
}

// dumpe2fs and debugfs have their own idea of a time's upper bits.
TEST_F(Ext4Writer_, TimesOfTheWholeRange) {
    for (const auto& [time, shown] : {std::pair<std::int64_t, std::string>{1, "0x00000001:00000000"},
                                      {2147483648, "0x80000000:00000001"},
                                      {image::kLastExt4Time, "0x7fffffff:00000003"}}) {
        FileTree tree({.mode = 0755, .mtime = time});
        tree.add_file(0, "file", {.mode = 0644, .mtime = time}, Content::of("x"));
        Ext4Options how = options();
        how.time = time;
        const std::string path = write(tree, 16 * kMebibyte, how);
        const std::string out = debugfs(path, "stat /file");
        for (const char* field : {"mtime: ", "ctime: ", "crtime: "}) {
            EXPECT_NE(out.find(field + shown), std::string::npos) << field << shown << '\n' << out;
        }
    }
}

TEST_F(Ext4Writer_, TimesThatExt4CannotHoldAreRefused) {
    for (const std::int64_t time : {image::kLastExt4Time + 1, image::kFirstExt4Time - 1}) {
        FileTree tree({.mode = 0755, .mtime = time});
        EXPECT_THROW(write(tree, 16 * kMebibyte, options()), Error);
        Ext4Options how = options();
        how.time = time;
        EXPECT_THROW(write(FileTree({.mode = 0755}), 16 * kMebibyte, how), Error);
    }
}

// Beside one system are the one to fall back to and the next.
TEST_F(Ext4Writer_, HasInodesForThreeSystems) {
    constexpr std::uint64_t kFiles = 3000;
    FileTree tree({.mode = 0755});
    for (std::uint64_t i = 0; i < kFiles; ++i) {
        tree.add_file(0, std::to_string(i), {.mode = 0644}, Content::of(""));
    }
    const std::string path = write(tree, image::ext4_size_for(tree, kMebibyte), options());
    const std::string out = witness({"dumpe2fs", "-h", path}).output;
    constexpr std::string_view kFree = "Free inodes:";
    const std::size_t at = out.find(kFree);
    ASSERT_NE(at, std::string::npos) << out;
    EXPECT_GE(std::stoull(out.substr(at + kFree.size())), 2 * kFiles);
    check(path);
}

TEST_F(Ext4Writer_, WhatDoesNotFitIsRefused) {
    FileTree tree({.mode = 0755});
    Content content;
    content.is_object = true;
    content.size = 30 * kMebibyte;
    tree.add_file(0, "large", {.mode = 0644}, content);
    try {
        write(tree, 20 * kMebibyte, options());
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::no_space);
    }
    EXPECT_GT(image::ext4_size_for(tree, 0), content.size);
}

}  // namespace
}  // namespace osb::test
