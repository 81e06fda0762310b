// What is recognised on a disk that others have made.
#include "image/disk/probe.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/fd.hh"
#include "image/disk/byte_size.hh"
#include "image/disk/disk_area.hh"
#include "tests/support/temp_directory.hh"
#include "tests/unit/image/witness.hh"

namespace osb::test {
namespace {

using image::kMebibyte;

const std::string kUnknown = "data of an unknown kind";

class Probe : public testing::Test {
  protected:
    void SetUp() override { make(""); }

    // A file of this beginning, and zeros.
    void make(const std::string& head, std::uint64_t size = 8 * kMebibyte) {
        write_file(path_, head);
        std::filesystem::resize_file(path_, size);
    }

    void put(const std::string& bytes, std::uint64_t at) {
        const Fd fd = open_at(AT_FDCWD, path_, O_RDWR);
        ASSERT_EQ(::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(at)),
                  static_cast<ssize_t>(bytes.size()));
    }

    // $0 is the disk.
    void run(const std::string& script) {
        const Witnessed out = witness({"sh", "-c", script, path_});
        ASSERT_EQ(out.status, 0) << script << ": " << out.output;
    }

    std::string seen(bool whole_file = true) {
        const Fd fd = open_at(AT_FDCWD, path_, O_RDONLY);
        return image::describe_content(fd.get(), whole_file);
    }

    TempDirectory directory_;
    std::string path_ = directory_ / "disk";
};

TEST_F(Probe, Zeros) {
    EXPECT_EQ(seen(true), "");
    EXPECT_EQ(seen(false), "");
    make(std::string(3 * kMebibyte, '\0'));  // written
    EXPECT_EQ(seen(true), "");
    make("", 0);
    EXPECT_EQ(seen(true), "");
    make("", 1);
    EXPECT_EQ(seen(true), "");
}

TEST_F(Probe, DataOfNoKnownKind) {
    std::mt19937 random(1);  // NOLINT: the same bytes each time
    std::string bytes(8 * kMebibyte, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    write_file(path_, bytes);
    EXPECT_EQ(seen(true), kUnknown);
    EXPECT_EQ(seen(false), kUnknown);
    for (const char* text : {"x", "hello\n"}) {
        write_file(path_, text);
        EXPECT_EQ(seen(true), kUnknown);
    }
}

TEST_F(Probe, HowFarItLooks) {
    put("x", kMebibyte - 1);
    EXPECT_EQ(seen(false), kUnknown);
    make("");
    put("x", kMebibyte);
    // A device is looked at as far as tables and filesystems begin, a file is as a whole.
    EXPECT_EQ(seen(false), "");
    EXPECT_EQ(seen(true), kUnknown);
    make("");
    put("x", 8 * kMebibyte - 1);
    EXPECT_EQ(seen(true), kUnknown);
}

TEST_F(Probe, Filesystems) {
    run("mkfs.ext4 -q -L data \"$0\"");
    EXPECT_EQ(seen(), "a filesystem (ext4) labelled 'data'");
    EXPECT_EQ(seen(false), "a filesystem (ext4) labelled 'data'");
    make("");
    run("mkfs.ext4 -q \"$0\"");
    EXPECT_EQ(seen(), "a filesystem (ext4)");
    make("");
    run("mkswap -L pages \"$0\"");
    EXPECT_EQ(seen(), "a filesystem (swap) labelled 'pages'");
}

TEST_F(Probe, LabelsCannotPaintTheTerminal) {
    run("mkfs.ext4 -q -L \"$(printf 'a\\033[2J\\nb')\" \"$0\"");
    const std::string out = seen();
    EXPECT_NE(out.find("a filesystem (ext4) labelled 'a"), std::string::npos) << out;
    for (const char c : out) EXPECT_GE(static_cast<unsigned char>(c), 0x20U);
}

TEST_F(Probe, PartitionTables) {
    run("echo 'label: gpt\nsize=1M' | sfdisk -q --no-tell-kernel \"$0\"");
    EXPECT_EQ(seen(), "a partition table (gpt)");
    EXPECT_EQ(seen(false), "a partition table (gpt)");
    // Its main copy damaged: the one at the end is a table as well.
    put(std::string(512, '\xFF'), 512);
    EXPECT_EQ(seen(), "a partition table (gpt)");
    make("");
    run("echo 'label: dos\nsize=1M' | sfdisk -q --no-tell-kernel \"$0\"");
    EXPECT_EQ(seen(), "a partition table (dos)");
    // One without partitions is a table.
    make("");
    run("echo 'label: dos' | sfdisk -q --no-tell-kernel \"$0\"");
    EXPECT_NE(seen(), "");
}

TEST_F(Probe, Luks) {
    // Two versions begin alike; then the version, big-endian.
    std::string header(4096, '\0');
    header.replace(0, 8, std::string("LUKS\xBA\xBE\0\1", 8));
    make(header);
    EXPECT_NE(seen().find("crypto_LUKS"), std::string::npos) << seen();
    EXPECT_NE(seen(false), "");
    // Half of a header is at least data.
    make("LUKS");
    EXPECT_EQ(seen(), kUnknown);
}

TEST_F(Probe, SeveralAtOnce) {
    run("mkfs.ext4 -q \"$0\"");
    // A squashfs of version 4 has nothing where the other's superblock lies.
    std::string header(96, '\0');
    header.replace(0, 4, "hsqs").replace(28, 1, "\4");
    put(header, 0);
    EXPECT_EQ(seen(), "several filesystems or partition tables");
}

// An ext4 filesystem in the middle of a disk, as a root is looked for.
class CheckFilesystem : public Probe {
  protected:
    static constexpr std::uint64_t kAt = kMebibyte;
    static constexpr std::uint64_t kSize = 6 * kMebibyte;

    void SetUp() override {
        Probe::SetUp();
        run("mkfs.ext4 -q -b 4096 -L ROOT -U 11111111-1111-1111-1111-111111111111 -E offset=1048576 \"$0\" "
            "6M");
    }

    // What is wrong; "" when nothing is.
    std::string refusal(const std::string& label = "ROOT") {
        image::ExpectedFilesystem expected{.label = label, .uuid = {}};
        expected.uuid.fill(0x11);
        const Fd fd = open_at(AT_FDCWD, path_, O_RDONLY);
        try {
            image::check_filesystem(fd.get(), kAt, kSize, expected, "the root");
            return {};
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::io);
            EXPECT_TRUE(error.message().starts_with("the root reads as ")) << error.message();
            return error.message();
        }
    }
};

TEST_F(CheckFilesystem, FindsWhatWasWritten) {
    EXPECT_EQ(refusal(), "");
    EXPECT_NE(refusal("BOOT").find("ext4 labelled 'ROOT'"), std::string::npos);
    put(std::string(4096, '\0'), kAt);
    EXPECT_NE(refusal().find("reads as nothing"), std::string::npos);
}

// BusyBox recognises some by less than libblkid, and all of these before ext4.
TEST_F(CheckFilesystem, FindsWhatHidesIt) {
    const std::vector<std::pair<std::string, std::vector<std::pair<std::uint64_t, std::string>>>> cases{
        {"crypto_LUKS", {{0, std::string("LUKS\xBA\xBE\0\1", 8)}}},
        {"vfat", {{54, "FAT16   "}, {510, "\x55\xAA"}}},
        {"vfat", {{82, "FAT32   "}, {510, "\x55\xAA"}}},
        {"LVM2_member", {{512, "LABELONE"}}},
        {"xfs", {{0, "XFSB"}}},
        {"swap", {{4086, "SWAPSPACE2"}}},
    };
    for (const auto& [kind, pieces] : cases) {
        for (const auto& [at, bytes] : pieces) put(bytes, kAt + at);
        const std::string message = refusal();
        EXPECT_TRUE(message.find(kind) != std::string::npos || message.find("several") != std::string::npos)
            << kind << ": " << message;
        for (const auto& [at, bytes] : pieces) put(std::string(bytes.size(), '\0'), kAt + at);
        EXPECT_EQ(refusal(), "") << kind;
    }
}

TEST_F(CheckFilesystem, ClearedEdgesHideNothing) {
    put(std::string("LUKS\xBA\xBE\0\1", 8), kAt);
    put("x", kAt + kSize - 1);
    const Fd fd = open_at(AT_FDCWD, path_, O_RDWR);
    image::DiskArea(fd.get(), kAt, kSize, false, "test").clear_edges();
    EXPECT_EQ(seen(), "");
}

TEST_F(Probe, LooksOnly) {
    run("mkfs.ext4 -q \"$0\"");
    const std::string before = read_file(path_);
    seen(true);
    seen(false);
    EXPECT_TRUE(read_file(path_) == before);
    // The descriptor is the caller's.
    const Fd fd = open_at(AT_FDCWD, path_, O_RDONLY);
    EXPECT_EQ(image::describe_content(fd.get(), true), image::describe_content(fd.get(), true));
}

TEST_F(Probe, FilesAreNotMounted) {
    const Fd fd = open_at(AT_FDCWD, path_, O_RDONLY);
    EXPECT_EQ(image::describe_mounts(fd.get()), "");
    EXPECT_EQ(image::attached_loop_device(fd.get()), "");
    EXPECT_EQ(image::describe_mounts(-1), "");
    EXPECT_EQ(image::attached_loop_device(-1), "");
}

}  // namespace
}  // namespace osb::test
