// Disks in qcow2 that QEMU takes for the same.
#include "image/disk/qcow2.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.hh"
#include "image/disk/byte_size.hh"
#include "tests/support/temp_directory.hh"
#include "tests/unit/image/witness.hh"

namespace osb::test {
namespace {

using image::DiskArea;
using image::kMebibyte;

std::string convert(const TempDirectory& directory, const std::string& name, std::uint64_t size,
                    const std::vector<std::uint64_t>& places) {
    const Fd raw = open_at(AT_FDCWD, directory / "raw", O_RDWR | O_CREAT | O_TRUNC, 0600);
    EXPECT_EQ(::ftruncate(raw.get(), static_cast<off_t>(size)), 0);
    const DiskArea area(raw.get(), 0, size, true, "test");
    for (const std::uint64_t place : places) area.write(place, as_bytes(std::string("data")));
    NoProgress progress;
    const std::string path = directory / name;
    image::convert_to_qcow2(area, raw.get(), open_at(AT_FDCWD, path, O_RDWR | O_CREAT, 0600), progress);
    return path;
}

TEST(Qcow2, QemuReadsTheSameDisk) {
    if (!has_program("qemu-img")) GTEST_SKIP() << "qemu-img is not installed";
    for (const std::uint64_t size : {3 * kMebibyte, 1500 * kMebibyte + 512, 5000 * kMebibyte}) {
        const TempDirectory directory;
        const std::string path = convert(directory, "disk", size, {0, 65532, kMebibyte, size / 2, size - 4});
        const Witnessed check = witness({"qemu-img", "check", path});
        EXPECT_EQ(check.status, 0) << check.output;
        const Witnessed same =
            witness({"qemu-img", "compare", "-f", "raw", "-F", "qcow2", directory / "raw", path});
        EXPECT_EQ(same.status, 0) << same.output;
        EXPECT_LT(std::filesystem::file_size(path), 2 * kMebibyte);
    }
}

TEST(Qcow2, EmptyAndEqual) {
    const TempDirectory directory;
    const std::string empty = convert(directory, "empty", 10 * kMebibyte, {});
    EXPECT_EQ(read_file(empty), read_file(convert(directory, "again", 10 * kMebibyte, {})));
    EXPECT_EQ(read_file(empty).substr(0, 4), "QFI\xfb");
}

}  // namespace
}  // namespace osb::test
