#include "oci/transports/archive_output.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/fd.hh"
#include "oci/transports/archive_index.hh"
#include "oci/transports/docker_archive_sink.hh"
#include "tests/unit/oci/image_writing.hh"
#include "tests/unit/oci/layout_builder.hh"

namespace osb::oci {
namespace {

class ArchiveOutputTest : public testing::Test {
  protected:
    TempDirectory directory_;
    std::string file_ = directory_ / "os.tar";
};

TEST_F(ArchiveOutputTest, FilesAreReplacedWhereLinksLead) {
    const std::string link = directory_ / "link.tar";
    std::filesystem::create_symlink("os.tar", link);
    for (const bool exists : {false, true}) {
        if (exists) write_file(file_, "old");
        for (const std::string& name : {file_, link}) {
            const ArchiveOutput output = find_archive_output(name);
            EXPECT_EQ(output.file, file_) << name;
            EXPECT_FALSE(output.is_stream) << name;
        }
    }
    put_test_image(*create_docker_archive_sink(link, "os:1"), "x");
    EXPECT_TRUE(std::filesystem::is_symlink(link));
    EXPECT_TRUE(ArchiveIndex(file_).contains("manifest.json"));
    std::filesystem::create_symlink("loop", directory_ / "loop");
    expect_error(ErrorKind::io, [&] { find_archive_output(directory_ / "loop"); });
}

// A rename would put a file in their place: of /dev/null for the whole machine.
TEST_F(ArchiveOutputTest, StreamsAreKnown) {
    EXPECT_EQ(find_archive_output("-").file, "-");
    EXPECT_TRUE(find_archive_output("/dev/null").is_stream);
    EXPECT_EQ(find_archive_output(concat("/proc/self/fd/", STDOUT_FILENO)).file, "-");
    const std::string fifo = directory_ / "fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_TRUE(find_archive_output(fifo).is_stream);
    // Both ends, so that opening it for writing does not wait. The archive fits into the pipe.
    const Fd reader = open_at(AT_FDCWD, fifo, O_RDWR);
    put_test_image(*create_docker_archive_sink(fifo, "os:1"), "x");
    EXPECT_TRUE(std::filesystem::is_fifo(fifo));
    EXPECT_EQ(test_names_in(directory_.path()), (std::vector<std::string>{"fifo"}));
}

TEST_F(ArchiveOutputTest, AnOpenFileWithoutANameIsAStream) {
    Fd open = open_at(AT_FDCWD, file_, O_RDWR | O_CREAT, 0600);
    const std::string name = concat("/proc/self/fd/", open.get());
    EXPECT_EQ(find_archive_output(name).file, file_);
    ::unlink(file_.c_str());
    EXPECT_TRUE(find_archive_output(name).is_stream);
    put_test_image(*create_docker_archive_sink(name, "os:1"), "x");
    EXPECT_GT(file_size(open.get()), 1024U);
}

TEST_F(ArchiveOutputTest, ADirectoryIsRefusedAtOnce) {
    const Error error = expect_error(ErrorKind::io, [&] { find_archive_output(directory_.path()); });
    EXPECT_NE(error.hint().find("oci:"), std::string::npos);
}

}  // namespace
}  // namespace osb::oci
