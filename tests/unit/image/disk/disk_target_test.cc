// What an installation may write to, and what is there when it ends in whatever way.
#include "image/disk/disk_target.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "image/disk/byte_size.hh"
#include "tests/support/temp_directory.hh"
#include "tests/unit/image/witness.hh"

namespace osb::test {
namespace {

using image::DiskTarget;
using image::kMebibyte;

constexpr std::uint64_t kDiskSize = 4 * kMebibyte;
const std::string kText = "what the installation writes";

class DiskTargetFile : public testing::Test {
  protected:
    DiskTargetFile() : umask_(::umask(022)) {}
    ~DiskTargetFile() override { ::umask(umask_); }
    DiskTargetFile(const DiskTargetFile&) = delete;
    DiskTargetFile& operator=(const DiskTargetFile&) = delete;

    static void write(DiskTarget& target) {
        target.begin(kDiskSize, kDiskSize);
        target.area().write(0, as_bytes(kText));
        target.sync();
    }

    void expect_installed(const std::string& path) {
        const std::string now = read_file(path);
        EXPECT_EQ(now.size(), kDiskSize);
        EXPECT_EQ(now.substr(0, kText.size()), kText);
        EXPECT_EQ(now.find_first_not_of('\0', kText.size()), std::string::npos);
    }

    // The names in the directory, hidden ones too.
    std::vector<std::string> names() const {
        std::vector<std::string> out;
        for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
            out.push_back(entry.path().filename());
        }
        std::sort(out.begin(), out.end());
        return out;
    }

    TempDirectory directory_;
    std::string path_ = directory_ / "disk";

  private:
    mode_t umask_;
};

using Names = std::vector<std::string>;

// The error of looking at a target.
Error refused_target(const std::string& path, bool wipe = false) {
    try {
        const DiskTarget target(path, wipe);
    } catch (const Error& error) {
        return error;
    }
    ADD_FAILURE() << "taken: " << path;
    return {ErrorKind::internal, ""};
}

TEST_F(DiskTargetFile, NewFileHasNoNameBeforeItIsWhole) {
    DiskTarget target(path_, false);
    EXPECT_FALSE(target.is_device());
    EXPECT_EQ(target.fixed_size(), std::nullopt);
    EXPECT_EQ(target.directory(), directory_.path());
    EXPECT_NE(target.state().find("is unchanged"), std::string::npos);
    write(target);
    EXPECT_EQ(names(), Names{});
    EXPECT_NE(target.state().find("was not created"), std::string::npos);
    target.publish();
    EXPECT_NE(target.state().find("contains the new system"), std::string::npos);
    EXPECT_EQ(names(), Names{"disk"});
    expect_installed(path_);
    struct stat st {};
    ASSERT_EQ(::stat(path_.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777U, 0644U);
    EXPECT_LT(st.st_blocks * 512, static_cast<off_t>(kDiskSize));  // holes are holes
}

TEST_F(DiskTargetFile, NothingStaysOfAFileThatWasNotPublished) {
    try {
        DiskTarget target(path_, false);
        write(target);
        throw std::runtime_error("in the middle");
    } catch (const std::runtime_error&) {
        EXPECT_EQ(names(), Names{});
    }
    // And what was there is still there.
    write_file(path_, "old");
    try {
        DiskTarget target(path_, true);
        write(target);
        EXPECT_NE(target.state().find("is unchanged"), std::string::npos);
        throw std::runtime_error("in the middle");
    } catch (const std::runtime_error&) {
        EXPECT_EQ(names(), Names{"disk"});
        EXPECT_EQ(read_file(path_), "old");
    }
}

TEST_F(DiskTargetFile, FilesWithoutDataAreTaken) {
    write_file(path_, "");
    EXPECT_EQ(DiskTarget(path_, false).fixed_size(), std::nullopt);
    // Zeros, written and not.
    write_file(path_, std::string(3 * kMebibyte, '\0'));
    ASSERT_EQ(::truncate(path_.c_str(), static_cast<off_t>(kDiskSize)), 0);
    ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
    DiskTarget target(path_, false);
    EXPECT_EQ(target.fixed_size(), kDiskSize);
    write(target);
    target.publish();
    expect_installed(path_);
    struct stat st {};
    ASSERT_EQ(::stat(path_.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777U, 0600U);
}

TEST_F(DiskTargetFile, FilesWithDataAreNot) {
    // At the start, and where only a look at everything finds it.
    for (const off_t at : {off_t{0}, static_cast<off_t>(kDiskSize - 1)}) {
        const Fd file = open_at(AT_FDCWD, path_, O_RDWR | O_CREAT | O_TRUNC, 0600);
        ASSERT_EQ(::ftruncate(file.get(), static_cast<off_t>(kDiskSize)), 0);
        ASSERT_EQ(::pwrite(file.get(), "x", 1, at), 1);
        const Error error = refused_target(path_);
        EXPECT_EQ(error.kind(), ErrorKind::invalid);
        EXPECT_NE(error.message().find("holds data of an unknown kind"), std::string::npos);
        EXPECT_NE(error.hint().find("--wipe"), std::string::npos);
    }
    DiskTarget target(path_, true);
    EXPECT_EQ(target.fixed_size(), kDiskSize);
    write(target);
    EXPECT_EQ(read_file(path_).back(), 'x');
    target.publish();
    EXPECT_EQ(names(), Names{"disk"});
    expect_installed(path_);
}

TEST_F(DiskTargetFile, OfALinkItsTargetIsMeant) {
    const TempDirectory other;
    const std::string real = other / "real";
    write_file(real, "");
    std::filesystem::create_symlink(real, path_);
    DiskTarget target(path_, false);
    EXPECT_EQ(target.directory(), std::filesystem::canonical(other.path()));
    write(target);
    target.publish();
    EXPECT_TRUE(std::filesystem::is_symlink(path_));
    expect_installed(real);
    // Data behind a link is data.
    EXPECT_EQ(refused_target(path_).kind(), ErrorKind::invalid);
}

TEST_F(DiskTargetFile, WhatIsNoFileIsRefused) {
    std::filesystem::create_directory(directory_ / "dir");
    ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);  // nobody must wait for its other end
    std::filesystem::create_symlink("nowhere", directory_ / "dangling");
    std::filesystem::create_symlink("loop", directory_ / "loop");
    ASSERT_EQ(::mknod((directory_ / "socket").c_str(), S_IFSOCK | 0600, 0), 0);
    const Names before = names();
    for (const bool wipe : {false, true}) {
        for (const char* what : {"dir", "fifo", "dangling", "socket", "dir/", "new/", ".", ".."}) {
            EXPECT_EQ(refused_target(directory_ / what, wipe).kind(), ErrorKind::usage) << what;
        }
        EXPECT_EQ(refused_target("", wipe).kind(), ErrorKind::usage);
        EXPECT_EQ(refused_target("/dev/null", wipe).kind(), ErrorKind::usage);
        EXPECT_EQ(refused_target(directory_ / "missing/disk", wipe).kind(), ErrorKind::not_found);
        EXPECT_NE(refused_target(directory_ / "loop", wipe).message().find("loop"), std::string::npos);
    }
    EXPECT_EQ(names(), before);
}

// A mistyped name of a disk must not become a file in the memory of devtmpfs.
TEST_F(DiskTargetFile, DevicesThatAreMissingAreNotMade) {
    for (const std::string path : {"/dev/osb-test-none", "/dev/./../dev/osb-test-none"}) {
        EXPECT_EQ(refused_target(path, true).kind(), ErrorKind::usage) << path;
        EXPECT_FALSE(std::filesystem::exists(path));
    }
    std::filesystem::create_directory_symlink("/dev", directory_ / "by-link");
    EXPECT_EQ(refused_target(directory_ / "by-link/osb-test-none", true).kind(), ErrorKind::usage);
}

TEST_F(DiskTargetFile, DirectoriesThatTakeNoFile) {
    ASSERT_EQ(::chmod(directory_.path().c_str(), 0555), 0);
    // The superuser may write anywhere.
    const bool root = ::geteuid() == 0;
    constexpr uid_t kNobody = 65534;
    ASSERT_EQ(::seteuid(root ? kNobody : ::geteuid()), 0);
    const Error error = refused_target(path_);
    ASSERT_EQ(::seteuid(root ? 0 : ::geteuid()), 0);
    EXPECT_NE(error.message().find("cannot make a file in"), std::string::npos) << error.message();
    ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
}

TEST_F(DiskTargetFile, SpaceIsCheckedFirst) {
    DiskTarget target(path_, false);
    constexpr std::uint64_t kEnormous = 1ULL << 60;
    try {
        target.begin(kDiskSize, kEnormous);
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::no_space);
    }
    EXPECT_EQ(names(), Names{});
}

TEST_F(DiskTargetFile, NamesThatAreTakenMeanwhile) {
    DiskTarget target(path_, false);
    write(target);
    write_file(path_, "somebody's");
    EXPECT_THROW(target.publish(), Error);
    EXPECT_EQ(read_file(path_), "somebody's");
    // A link, even to nowhere, is not followed.
    std::filesystem::remove(path_);
    std::filesystem::create_symlink("elsewhere", path_);
    EXPECT_THROW(target.publish(), Error);
    EXPECT_EQ(names(), Names{"disk"});
    // Not lost: the name is free again.
    std::filesystem::remove(path_);
    target.publish();
    expect_installed(path_);
    EXPECT_EQ(names(), Names{"disk"});
}

TEST_F(DiskTargetFile, FilesThatChangeMeanwhile) {
    const auto replaced = [&] {
        write_file(directory_ / "new", ""), std::filesystem::rename(directory_ / "new", path_);
    };
    const auto written = [&] { write_file(path_, "data"); };
    const auto linked = [&] {
        std::filesystem::rename(path_, directory_ / "other");
        std::filesystem::create_symlink("other", path_);
    };
    for (const std::function<void()>& change :
         std::vector<std::function<void()>>{replaced, written, linked}) {
        write_file(path_, "");
        {
            DiskTarget target(path_, false);
            write(target);
            change();
            const Names before = names();
            try {
                target.publish();
                ADD_FAILURE() << "no error";
            } catch (const Error& error) {
                EXPECT_EQ(error.kind(), ErrorKind::invalid);
                EXPECT_NE(error.message().find("by another process"), std::string::npos);
            }
        }
        EXPECT_LT(read_file(path_).size(), kDiskSize);
        for (const std::string& name : names()) std::filesystem::remove(directory_ / name);
    }
    // With --wipe data may go; a file that went is no loss.
    for (const bool wipe : {true, false}) {
        write_file(path_, "");
        DiskTarget target(path_, wipe);
        write(target);
        if (wipe) {
            written();
        } else {
            std::filesystem::remove(path_);
        }
        target.publish();
        expect_installed(path_);
        std::filesystem::remove(path_);
    }
    EXPECT_EQ(names(), Names{});
}

TEST_F(DiskTargetFile, DirectoriesThatMoveMeanwhile) {
    const std::string where = directory_ / "where";
    std::filesystem::create_directory(where);
    DiskTarget target(where + "/disk", false);
    write(target);
    std::filesystem::rename(where, directory_ / "moved");
    std::filesystem::create_directory(where);
    target.publish();
    expect_installed(directory_ / "moved/disk");
    EXPECT_TRUE(std::filesystem::is_empty(where));
}

TEST_F(DiskTargetFile, WhatAnEarlierRunLeftIsNotInTheWay) {
    write_file(directory_ / ".disk.osb-new", "left over");
    write_file(path_, "old");
    DiskTarget target(path_, true);
    write(target);
    target.publish();
    expect_installed(path_);
    EXPECT_EQ(names(), Names{"disk"});
}

TEST_F(DiskTargetFile, ASecondFileTakesThePlaceOfTheFirst) {
    DiskTarget target(path_, false);
    write(target);
    Fd second = target.create_unnamed();
    ASSERT_EQ(::pwrite(second.get(), "second", 6, 0), 6);
    target.replace(std::move(second));
    target.publish();
    EXPECT_EQ(read_file(path_), "second");
    EXPECT_EQ(names(), Names{"disk"});
}

// A file as a block device.
class Loop {
  public:
    explicit Loop(const std::string& file, const std::vector<std::string>& options = {}) {
        std::vector<std::string> argv{"losetup", "--find", "--show"};
        argv.insert(argv.end(), options.begin(), options.end());
        argv.push_back(file);
        const Witnessed out = witness(argv);
        if (out.status == 0) path_ = out.output.substr(0, out.output.find('\n'));
    }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop() {
        if (!path_.empty()) static_cast<void>(witness({"losetup", "--detach", path_}));
    }
    const std::string& path() const { return path_; }

  private:
    std::string path_;  // "" when there are no loop devices to be had
};

class DiskTargetDevice : public testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "needs root";
        write_file(file_, "");
        std::filesystem::resize_file(file_, kDiskSize);
        static const bool has_loops = !Loop(file_).path().empty();
        if (!has_loops) GTEST_SKIP() << "needs loop devices";
    }

    TempDirectory directory_;
    std::string file_ = directory_ / "file";
};

TEST_F(DiskTargetDevice, EmptyOnesAreTaken) {
    const Loop loop(file_);
    DiskTarget target(loop.path(), false);
    EXPECT_TRUE(target.is_device());
    EXPECT_EQ(target.fixed_size(), kDiskSize);
    EXPECT_EQ(target.directory(), "");
    target.begin(kDiskSize, 0);
    target.area().write(0, as_bytes(kText));
    target.sync();
    EXPECT_NE(target.state().find("does not boot"), std::string::npos);
    target.publish();
    EXPECT_NE(target.state().find("contains the new system"), std::string::npos);
    EXPECT_EQ(read_file(file_).substr(0, kText.size()), kText);
    // For one installation at a time.
    EXPECT_NE(refused_target(loop.path(), true).message().find("in use"), std::string::npos);
}

TEST_F(DiskTargetDevice, DataStaysUnlessToldOtherwise) {
    const std::string data(static_cast<std::size_t>(kDiskSize), 'd');
    write_file(file_, data);
    const Loop loop(file_);
    const Error error = refused_target(loop.path());
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    EXPECT_NE(error.message().find("holds data of an unknown kind"), std::string::npos);
    EXPECT_NE(error.hint().find("--wipe"), std::string::npos);
    {
        // Looking changes nothing.
        const DiskTarget target(loop.path(), true);
    }
    EXPECT_TRUE(read_file(file_) == data);
    DiskTarget target(loop.path(), true);
    target.begin(kDiskSize, 0);
    target.sync();
    // No table can be found, neither at the start nor at the end.
    const std::string now = read_file(file_);
    EXPECT_EQ(now.find_first_not_of('\0'), kMebibyte);
    EXPECT_EQ(now.find_last_not_of('\0'), 3 * kMebibyte - 1);
}

TEST_F(DiskTargetDevice, FilesystemsAreNamed) {
    ASSERT_EQ(witness({"mkfs.ext4", "-q", "-L", "data", file_}).status, 0);
    const Loop loop(file_);
    EXPECT_NE(refused_target(loop.path()).message().find("holds a filesystem (ext4) labelled 'data'"),
              std::string::npos);
    const std::string place = directory_ / "mounted here";
    std::filesystem::create_directory(place);
    if (witness({"mount", loop.path(), place}).status != 0) GTEST_SKIP() << "needs mount";
    const Error error = refused_target(loop.path(), true);
    EXPECT_EQ(witness({"umount", place}).status, 0);
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    EXPECT_NE(error.message().find("is mounted on"), std::string::npos) << error.message();
    EXPECT_NO_THROW(DiskTarget(loop.path(), true));
}

TEST_F(DiskTargetDevice, WhatIsAttachedIsInUse) {
    const Loop loop(file_);
    for (const bool wipe : {false, true}) {
        const Error error = refused_target(file_, wipe);
        EXPECT_EQ(error.kind(), ErrorKind::invalid);
        EXPECT_NE(error.message().find("in use as the device " + loop.path()), std::string::npos);
        EXPECT_NE(error.hint().find("losetup -d " + loop.path()), std::string::npos);
    }
    const Loop second(loop.path());
    ASSERT_FALSE(second.path().empty());
    EXPECT_NE(refused_target(loop.path(), true).message().find("in use"), std::string::npos);
}

TEST_F(DiskTargetDevice, DevicesThatCannotBootAreRefused) {
    const Loop large_sectors(file_, {"--sector-size", "4096"});
    ASSERT_FALSE(large_sectors.path().empty());
    EXPECT_EQ(refused_target(large_sectors.path()).kind(), ErrorKind::unsupported);
    const Loop read_only(file_, {"--read-only"});
    ASSERT_FALSE(read_only.path().empty());
    EXPECT_NE(refused_target(read_only.path(), true).kind(), ErrorKind::internal);
}

TEST_F(DiskTargetDevice, PartitionsAreNoDisks) {
    const std::string script = directory_ / "script";
    write_file(script, "label: dos\nstart=2048\n");
    ASSERT_EQ(witness({"sh", "-c", "sfdisk -q \"$0\" <\"$1\"", file_, script}).status, 0);
    const Loop loop(file_, {"--partscan"});
    const std::string partition = loop.path() + "p1";
    if (!std::filesystem::exists(partition)) GTEST_SKIP() << "needs partitions of loop devices";
    const Error error = refused_target(partition);
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.message().find("is a partition"), std::string::npos);
    EXPECT_NE(refused_target(loop.path()).message().find("a partition table (dos)"), std::string::npos);
}

// A filesystem that has neither files without a name nor second names.
TEST_F(DiskTargetDevice, FilesOnFat) {
    if (witness({"mformat", "-i", file_, "-T", "8192", "-h", "16", "-s", "63", "::"}).status != 0)
        GTEST_SKIP() << "needs mtools";
    const std::string place = directory_ / "fat";
    std::filesystem::create_directory(place);
    const Loop loop(file_);
    if (witness({"mount", loop.path(), place}).status != 0) GTEST_SKIP() << "needs mount, and FAT";
    const std::string path = place + "/disk";
    {
        DiskTarget target(path, false);
        target.begin(kMebibyte, kMebibyte);
    }
    EXPECT_TRUE(std::filesystem::is_empty(place));
    {
        DiskTarget target(path, false);
        target.begin(kMebibyte, kMebibyte);
        write_file(path, "somebody's");
        EXPECT_THROW(target.publish(), Error);
    }
    EXPECT_EQ(read_file(path), "somebody's");
    {
        DiskTarget target(path, true);
        target.begin(kMebibyte, kMebibyte);
        target.sync();
        target.publish();
    }
    EXPECT_EQ(read_file(path).size(), kMebibyte);
    const auto entries = std::filesystem::directory_iterator(place);
    EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
    EXPECT_EQ(witness({"umount", place}).status, 0);
}

}  // namespace
}  // namespace osb::test
