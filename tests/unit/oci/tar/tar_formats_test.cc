// Archives that GNU tar writes, in all of its formats, against the files that it was given.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "base/fd.hh"
#include "oci/tar/tar_reader.hh"
#include "tests/support/read_archive.hh"
#include "tests/support/temp_directory.hh"

namespace osb::oci {
namespace {

using test::read_archive;
using test::ReadArchive;
using test::ReadEntry;

namespace fs = std::filesystem;

class TarFormatsTestBase : public testing::TestWithParam<std::string> {
  protected:
    void SetUp() override { fs::create_directory(dir_ / "in"); }

    fs::path in(const std::string& name) const { return dir_ / "in" / name; }

    void write(const std::string& name, std::string_view content) const {
        std::ofstream(in(name), std::ios::binary) << content;
    }

    // A file of `size` bytes with `pieces` in it and holes between them.
    void write_sparse(const std::string& name, off_t size, const std::map<off_t, std::string>& pieces) const {
        const Fd fd(open(in(name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
        ASSERT_TRUE(fd);
        ASSERT_EQ(ftruncate(fd.get(), size), 0);
        for (const auto& [offset, bytes] : pieces)
            ASSERT_EQ(pwrite(fd.get(), bytes.data(), bytes.size(), offset),
                      static_cast<ssize_t>(bytes.size()));
    }

    // What tar makes of the directory with these options, read by TarReader: path -> entry.
    std::map<std::string, ReadEntry> archive(const std::string& options) const {
        const fs::path file = dir_ / "out.tar";
        const std::string command = "tar -C '" + (dir_ / "in").string() + "' -cf '" + file.string() + "' " +
                                    options + " . 2>'" + (dir_ / "err").string() + "'";
        const int status = std::system(command.c_str());  // NOLINT(cert-env33-c,concurrency-mt-unsafe)
        EXPECT_EQ(status, 0) << command << ": " << slurp(dir_ / "err");
        const ReadArchive read = read_archive(slurp(file));
        EXPECT_EQ(read.error, "") << command;
        EXPECT_EQ(read.rubbish, 0U);
        std::map<std::string, ReadEntry> entries;
        for (const ReadEntry& entry : read.entries) entries[entry.entry.path] = entry;
        EXPECT_EQ(entries.size(), read.entries.size());
        return entries;
    }

    static std::string slurp(const fs::path& path) {
        std::string content(fs::file_size(path), '\0');
        std::ifstream(path, std::ios::binary)
            .read(content.data(), static_cast<std::streamsize>(content.size()));
        return content;
    }

    test::TempDirectory directory_;
    const fs::path dir_ = directory_.path();
};

// Every format; those with names beyond 100 bytes; those without a limit.
class TarFormatsTest : public TarFormatsTestBase {};
class TarPrefixFormatsTest : public TarFormatsTestBase {};
class TarLongFormatsTest : public TarFormatsTestBase {};

TEST_P(TarFormatsTest, OrdinaryFiles) {
    fs::create_directory(in("d"));
    write("d/empty", "");
    write("d/small", "some text\n");
    std::string big;
    for (int i = 0; i < 300000; ++i) big.push_back(static_cast<char>(i * 7));
    write("d/big", big);
    write("d/block", std::string(512, 'b'));
    fs::create_symlink("../target", in("d/link"));
    fs::create_hard_link(in("d/small"), in("d/small2"));
    ASSERT_EQ(mkfifo(in("d/fifo").c_str(), 0600), 0);
    ASSERT_EQ(chmod(in("d/small").c_str(), 04751), 0);
    ASSERT_EQ(chmod(in("d").c_str(), 01777), 0);

    auto entries = archive("--sort=name --exclude=fifo --format=" + GetParam());
    ASSERT_EQ(entries.size(), 8U);
    EXPECT_EQ(entries["./d/"].entry.type, TarType::directory);
    EXPECT_EQ(entries["./d/"].entry.mode, 01777U);
    EXPECT_EQ(entries["./d/empty"].entry.size, 0U);
    EXPECT_EQ(entries["./d/small"].content, "some text\n");
    EXPECT_EQ(entries["./d/small"].entry.mode, 04751U);
    EXPECT_EQ(entries["./d/big"].entry.size, big.size());
    EXPECT_TRUE(entries["./d/big"].content == big);
    EXPECT_EQ(entries["./d/block"].content, std::string(512, 'b'));
    EXPECT_EQ(entries["./d/link"].entry.type, TarType::symlink);
    EXPECT_EQ(entries["./d/link"].entry.link_target, "../target");
    EXPECT_EQ(entries["./d/small2"].entry.type, TarType::hardlink);
    EXPECT_EQ(entries["./d/small2"].entry.link_target, "./d/small");
    EXPECT_EQ(entries["./d/small2"].entry.size, 0U);
    if (GetParam() == "v7") return;  // has no FIFOs
    EXPECT_EQ(archive("--format=" + GetParam())["./d/fifo"].entry.type, TarType::fifo);
}

TEST_P(TarPrefixFormatsTest, LongNames) {
    const bool ustar = GetParam() == "ustar";
    const std::string part(ustar ? 90 : 200, 'p');
    fs::create_directories(in(part + "/" + part.substr(0, 50)));
    const std::string name = part + "/" + part.substr(0, 50) + "/" + part;
    write(name, "long");
    const std::string target(ustar ? 100 : 3000, 't');
    fs::create_symlink(target, in("link"));
    auto entries = archive("--format=" + GetParam());
    EXPECT_EQ(entries["./" + name].content, "long");
    EXPECT_EQ(entries["./link"].entry.link_target, target);
}

TEST_P(TarLongFormatsTest, NamesOfEveryLength) {
    for (std::size_t length = 90; length <= 255; ++length)
        write(std::string(length, 'n'), std::to_string(length));
    auto entries = archive("--format=" + GetParam());
    EXPECT_EQ(entries.size(), 167U);
    for (std::size_t length = 90; length <= 255; ++length)
        EXPECT_EQ(entries["./" + std::string(length, 'n')].content, std::to_string(length));
}

TEST_P(TarFormatsTest, LargeIds) {
    const bool large = GetParam() != "v7" && GetParam() != "ustar";
    write("f", "x");
    const std::string uid = large ? "4294967294" : "2097151";
    const std::string gid = large ? "2097152" : "1000";
    auto entries = archive("--format=" + GetParam() + " --owner=user:" + uid + " --group=group:" + gid);
    EXPECT_EQ(std::to_string(entries["./f"].entry.uid), uid);
    EXPECT_EQ(std::to_string(entries["./f"].entry.gid), gid);
}

TEST_P(TarFormatsTest, ExtremeTimes) {
    write("f", "x");
    const bool large = GetParam() != "v7" && GetParam() != "ustar";
    for (const std::string time :
         {"@0", "@8589934591", large ? "@-1000" : "@1", large ? "@99999999999" : "@2"})
        EXPECT_EQ(archive("--format=" + GetParam() + " --mtime=" + time)["./f"].content, "x") << time;
}

std::string format_name(const testing::TestParamInfo<std::string>& info) {
    return info.param;
}

INSTANTIATE_TEST_SUITE_P(All, TarFormatsTest, testing::Values("v7", "ustar", "oldgnu", "gnu", "posix"),
                         format_name);
INSTANTIATE_TEST_SUITE_P(All, TarPrefixFormatsTest, testing::Values("ustar", "oldgnu", "gnu", "posix"),
                         format_name);
INSTANTIATE_TEST_SUITE_P(All, TarLongFormatsTest, testing::Values("oldgnu", "gnu", "posix"), format_name);

class TarSparseFormatsTest : public TarFormatsTestBase {};

TEST_P(TarSparseFormatsTest, HolesAndPieces) {
    constexpr off_t kBlock = 65536;
    std::map<off_t, std::string> few{{kBlock, "piece"}, {5 * kBlock, std::string(kBlock, 'x')}};
    write_sparse("few", 9 * kBlock + 17, few);
    write_sparse("hole", 9 * kBlock, {});
    std::map<off_t, std::string> many;
    for (off_t i = 0; i < 30; ++i) many[2 * i * kBlock] = "piece " + std::to_string(i);
    write_sparse("many", 58 * kBlock + 8, many);
    write("plain", "no holes");

    auto entries = archive("--sparse " + GetParam());
    ASSERT_EQ(entries.size(), 5U);
    for (const char* name : {"few", "hole", "many", "plain"}) {
        const std::string content = slurp(in(name));
        const ReadEntry& entry = entries[std::string("./") + name];
        EXPECT_EQ(entry.entry.type, TarType::file);
        EXPECT_EQ(entry.entry.size, content.size()) << name;
        EXPECT_TRUE(entry.content == content) << name;
    }
    // Or else this says nothing about sparse files.
    EXPECT_LT(fs::file_size(dir_ / "out.tar"), 2000000U);
}

INSTANTIATE_TEST_SUITE_P(All, TarSparseFormatsTest,
                         testing::Values("--format=oldgnu", "--format=gnu",
                                         "--format=posix --sparse-version=0.0",
                                         "--format=posix --sparse-version=0.1",
                                         "--format=posix --sparse-version=1.0"));

class TarXattrFormatTest : public TarFormatsTestBase {};

TEST_P(TarXattrFormatTest, Xattrs) {
    write("f", "x");
    const std::string value("a\0=\n\xff", 5);
    if (setxattr(in("f").c_str(), "user.osb.test", value.data(), value.size(), 0) != 0)
        GTEST_SKIP() << "no xattrs in " << dir_;
    ASSERT_EQ(setxattr(in("f").c_str(), "user.empty", "", 0, 0), 0);
    auto entries = archive("--format=posix --xattrs --xattrs-include='user.*'");
    const std::vector<std::pair<std::string, std::string>> expected{{"user.empty", ""},
                                                                    {"user.osb.test", value}};
    EXPECT_EQ(entries["./f"].entry.xattrs, expected);
}

INSTANTIATE_TEST_SUITE_P(Posix, TarXattrFormatTest, testing::Values("posix"));

}  // namespace
}  // namespace osb::oci
