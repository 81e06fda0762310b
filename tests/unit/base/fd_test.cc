#include "base/fd.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/error.hh"
#include "base/interrupt.hh"
#include "tests/support/thrown_kind.hh"

namespace osb {
namespace {

namespace fs = std::filesystem;

class FdTest : public testing::Test {
  protected:
    FdTest() {
        std::string pattern = (fs::temp_directory_path() / "osb-fd-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data()) == nullptr ? fs::path() : fs::path(pattern);
    }
    ~FdTest() override {
        set_interrupted(0);
        std::error_code ignored;
        fs::remove_all(directory_, ignored);
    }
    std::string path(const std::string& name) const { return (directory_ / name).string(); }
    std::string write(const std::string& name, const std::string& content) const {
        std::ofstream(path(name), std::ios::binary) << content;
        return path(name);
    }

    fs::path directory_;
};

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

TEST_F(FdTest, OwnsItsDescriptor) {
    int raw = -1;
    {
        Fd fd = open_at(AT_FDCWD, write("a", "x"), O_RDONLY);
        raw = fd.get();
        EXPECT_TRUE(is_open(raw));
        EXPECT_NE(::fcntl(raw, F_GETFD) & FD_CLOEXEC, 0);
        Fd moved(std::move(fd));
        EXPECT_EQ(moved.get(), raw);
        fd = std::move(moved);
        EXPECT_EQ(fd.get(), raw);
    }
    EXPECT_FALSE(is_open(raw));
    Fd fd = open_at(AT_FDCWD, path("a"), O_RDONLY);
    raw = fd.release();
    EXPECT_FALSE(fd);
    EXPECT_TRUE(is_open(raw));
    Fd again(raw);
    again.close();
    EXPECT_FALSE(is_open(raw));
}

TEST_F(FdTest, OpenAtNamesTheFile) {
    EXPECT_EQ(test::thrown_kind([this] { open_at(AT_FDCWD, path("none"), O_RDONLY); }), ErrorKind::not_found);
    EXPECT_EQ(test::thrown_kind([this] { open_at(AT_FDCWD, write("a", "x") + "/b", O_RDONLY); }),
              ErrorKind::io);
    try {
        open_at(AT_FDCWD, path("bad\n"), O_RDONLY);
    } catch (const Error& error) {
        EXPECT_NE(error.message().find("bad\\x0a'"), std::string::npos) << error.message();
    }
}

TEST_F(FdTest, OpenRegularRefusesEverythingElse) {
    const Fd directory = open_at(AT_FDCWD, directory_.string(), O_RDONLY | O_DIRECTORY);
    write("file", "12345");
    EXPECT_EQ(file_size(open_regular(directory.get(), "file").get()), 5U);
    fs::create_symlink("file", directory_ / "link");
    EXPECT_EQ(test::thrown_kind([&] { open_regular(directory.get(), "link"); }), ErrorKind::invalid);
    fs::create_directory(directory_ / "directory");
    EXPECT_EQ(test::thrown_kind([&] { open_regular(directory.get(), "directory"); }), ErrorKind::invalid);
    ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
    EXPECT_EQ(test::thrown_kind([&] { open_regular(directory.get(), "fifo"); }),
              ErrorKind::invalid);  // and does not block
    EXPECT_EQ(test::thrown_kind([&] { open_regular(directory.get(), "/dev/null"); }), ErrorKind::invalid);
    EXPECT_EQ(test::thrown_kind([&] { open_regular(directory.get(), "none"); }), ErrorKind::not_found);
}

TEST_F(FdTest, WriteAll) {
    const Fd fd = open_at(AT_FDCWD, path("out"), O_RDWR | O_CREAT, 0600);
    const std::string text(300'000, 'x');
    write_all(fd.get(), as_bytes(text), "out");
    EXPECT_EQ(file_size(fd.get()), text.size());
    const Fd full = open_at(AT_FDCWD, "/dev/full", O_WRONLY);
    EXPECT_EQ(test::thrown_kind([&] { write_all(full.get(), as_bytes("x"), "out"); }), ErrorKind::no_space);
}

TEST_F(FdTest, FileRangeSource) {
    const Fd fd = open_at(AT_FDCWD, write("a", "0123456789"), O_RDONLY);
    FileRangeSource source(fd.get(), 2, 5, "a");
    FileRangeSource other(fd.get(), 0, 10, "a");
    EXPECT_EQ(source.skip(1), 1U);
    EXPECT_EQ(read_all(other, 10, "a"), "0123456789");
    EXPECT_EQ(read_all(source, 10, "a"), "3456");
    EXPECT_EQ(source.skip(1), 0U);
    FileRangeSource rest(fd.get(), 2, 5, "a");
    EXPECT_EQ(rest.skip(~0ULL), 5U);
    std::vector<std::uint8_t> buffer(8);
    EXPECT_EQ(rest.read(buffer), 0U);
    FileRangeSource beyond(fd.get(), 8, 5, "a");  // the file became shorter
    EXPECT_EQ(read_all(beyond, 10, "a"), "89");
}

TEST_F(FdTest, FdSourceReadsAPipeToItsEnd) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    Fd writer(ends[1]);
    FdSource source(Fd{ends[0]}, "pipe");
    write_all(writer.get(), as_bytes("hello"), "pipe");
    writer.close();
    EXPECT_EQ(read_all(source, 10, "pipe"), "hello");
    std::vector<std::uint8_t> buffer(8);
    EXPECT_EQ(source.read(buffer), 0U);
}

TEST_F(FdTest, InterruptionEndsAWait) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const Fd writer(ends[1]);
    FdSource source(Fd{ends[0]}, "pipe");
    std::vector<std::uint8_t> buffer(8);
    set_interrupted(SIGINT);
    EXPECT_THROW(source.read(buffer), Interrupted);
    const Fd fd = open_at(AT_FDCWD, write("a", "x"), O_RDONLY);
    FileRangeSource range(fd.get(), 0, 1, "a");
    EXPECT_THROW(range.read(buffer), Interrupted);
    set_interrupted(0);
    EXPECT_EQ(range.read(buffer), 1U);
}

TEST(Interrupt, SignalIsNoticed) {
    // In a child, so that the handlers do not stay.
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        install_interrupt_handlers();
        ::raise(SIGTERM);
        try {
            check_interrupt();
        } catch (const Interrupted& interrupted) {
            ::_exit(interrupted.signal_number() == SIGTERM ? 0 : 2);
        }
        ::_exit(1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace osb
