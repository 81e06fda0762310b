#include "oci/tar/tar_writer.hh"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/read_archive.hh"
#include "tests/unit/oci/layout_builder.hh"
#include "tests/unit/oci/writer_test_util.hh"

namespace osb::oci {
namespace {

using test::read_archive;
using test::ReadArchive;
using test::SteppedSource;

std::string write_tar(const std::vector<Member>& members, std::size_t step = 100000) {
    TextSink sink;
    TarWriter writer(sink);
    write_members(writer, members, step);
    writer.finish();
    return sink.text;
}

std::string path_of(std::size_t size, std::size_t component = 50) {
    std::string out;
    while (out.size() < size) out += out.size() % (component + 1) == component ? '/' : 'p';
    if (out.back() == '/') out.back() = 'q';
    return out;
}

// One of everything, at and beyond the limits of the old header.
std::vector<Member> members() {
    std::vector<Member> out;
    out.push_back(other_member(TarType::directory, "./"));
    out.push_back(other_member(TarType::directory, "usr"));
    out.push_back(file_member("usr/empty", ""));
    out.push_back(file_member("usr/block", std::string(512, 'b')));
    out.push_back(file_member("usr/large", lines(100001)));
    for (const std::size_t size : {100UL, 101UL, 155UL, 250UL, 255UL, 256UL, 257UL, 1000UL, 4000UL}) {
        out.push_back(file_member("n" + path_of(size - 1), std::to_string(size)));
    }
    out.push_back(file_member(std::string(101, 'x'), "no slash to split at"));
    out.push_back(file_member(std::string(255, 'y') + "/short", "prefix too long"));
    out.push_back(other_member(TarType::directory, "d" + path_of(100)));
    out.push_back(other_member(TarType::directory, "d" + path_of(300)));
    out.push_back(other_member(TarType::symlink, "usr/link", "large"));
    out.push_back(other_member(TarType::symlink, "usr/odd", "..//a//b/"));
    out.push_back(other_member(TarType::symlink, "usr/far100", std::string(100, 't')));
    out.push_back(other_member(TarType::symlink, "usr/far101", std::string(101, 't')));
    out.push_back(other_member(TarType::hardlink, "usr/hard", "usr/large"));
    out.push_back(other_member(TarType::fifo, "usr/fifo"));
    out.push_back(
        file_member("usr/gr\xC3\xBC\xC3\x9F"
                    "e",
                    "UTF-8"));
    Member device = other_member(TarType::character_device, "usr/null");
    device.entry.device_major = 1;
    device.entry.device_minor = 3;
    out.push_back(device);
    Member ids = file_member("usr/ids", "i");
    ids.entry.uid = 2097151;
    ids.entry.gid = 2097152;
    ids.entry.mode = 06755;
    out.push_back(ids);
    Member largest = file_member("usr/largest-ids", "");
    largest.entry.uid = 0xFFFFFFFE;
    largest.entry.gid = 0xFFFFFFFE;
    out.push_back(largest);
    Member xattrs = file_member("usr/xattrs", "x");
    xattrs.entry.xattrs = {{"security.capability", std::string("\x01\0\0\x02\0=\n\xFF", 8)},
                           {"user.empty", ""},
                           {"user.long", noise(70000)}};
    out.push_back(xattrs);
    return out;
}

TEST(TarWriter, WhatIsWrittenIsReadBack) {
    const std::vector<Member> all = members();
    const std::string bytes = write_tar(all);
    const ReadArchive read = read_archive(bytes);
    ASSERT_EQ(read.error, "");
    EXPECT_EQ(read.rubbish, 0U);
    ASSERT_EQ(read.entries.size(), all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        const TarEntry& want = all[i].entry;
        const TarEntry& got = read.entries[i].entry;
        const bool slash = want.type == TarType::directory && !want.path.ends_with('/');
        EXPECT_EQ(got.path, want.path + (slash ? "/" : ""));
        expect_same_metadata(got, want);
        EXPECT_EQ(read.entries[i].content, all[i].content) << want.path;
    }
}

TEST(TarWriter, BytesDoNotDependOnThePieces) {
    const std::string whole = write_tar(members());
    EXPECT_EQ(write_tar(members(), 1), whole);
    EXPECT_EQ(write_tar(members(), 513), whole);
}

TEST(TarWriter, EndsInExactlyTwoZeroBlocks) {
    EXPECT_EQ(write_tar({}), std::string(1024, '\0'));
    const std::string one = write_tar({file_member("f", std::string(512, 'c'))});
    EXPECT_EQ(one.size(), 4 * 512U);
    const std::string padded = write_tar({file_member("f", "c")});
    EXPECT_EQ(padded.size(), 4 * 512U);
}

TEST(TarWriter, ObjectPathsNeedNoExtension) {
    const std::string object = "sysroot/ostree/repo/objects/ab/" + std::string(62, 'c');
    const std::string bytes =
        write_tar({file_member(object + ".file-xattrs-link", ""), file_member(object + ".file", ""),
                   other_member(TarType::hardlink, "usr/bin/x", object + ".file")});
    EXPECT_EQ(bytes.size(), 5 * 512U);
}

TEST(TarWriter, SizesBeyondEightGibibytes) {
    TextSink sink;
    TarWriter writer(sink);
    TarEntry entry;
    entry.path = "huge";
    entry.size = 1ULL << 33U;
    writer.begin(entry);
    SteppedSource source(sink.text);
    TarReader reader(source, {});
    TarEntry read;
    ASSERT_TRUE(reader.next(read));
    EXPECT_EQ(read.size, 1ULL << 33U);
}

TEST(TarWriter, ContentMustBeTheSize) {
    TextSink sink;
    TarWriter writer(sink);
    writer.begin(file_member("f", "four").entry);
    expect_error(ErrorKind::internal, [&] { writer.write(as_bytes("fives")); });
    writer.write(as_bytes("fou"));
    expect_error(ErrorKind::internal, [&] { writer.begin(file_member("g", "").entry); });
    expect_error(ErrorKind::internal, [&] { writer.finish(); });
    writer.write(as_bytes("r"));
    EXPECT_NO_THROW(writer.finish());
}

TEST(TarWriter, RefusesWhatAHeaderCannotSay) {
    const auto refused = [](const Member& member) {
        TextSink sink;
        TarWriter writer(sink);
        expect_error(ErrorKind::invalid, [&] { writer.begin(member.entry); });
        EXPECT_EQ(sink.text, "");
    };
    refused(file_member("", ""));
    refused(file_member("a/", ""));
    refused(file_member(std::string("a\0b", 3), ""));
    refused(other_member(TarType::symlink, "l"));
    refused(other_member(TarType::hardlink, "l", std::string("a\0b", 3)));
    refused(other_member(TarType::directory, "d", "target"));
    Member link = other_member(TarType::symlink, "l", "t");
    link.entry.size = 1;
    refused(link);
    for (const char* name : {"", "user.a=b"}) {
        Member xattr = file_member("f", "");
        xattr.entry.xattrs = {{name, "v"}};
        refused(xattr);
    }
    Member mode = file_member("f", "");
    mode.entry.mode = 0100644;
    refused(mode);
}

class Recorder final : public Sink, public TarObserver {
  public:
    void write(ByteView bytes) override { log += "w" + std::to_string(bytes.size()) + ' '; }
    void begin_entry(const TarEntry& entry) override { log += "entry(" + entry.path + ") "; }
    void begin_content() override { log += "begin "; }
    void end_content() override { log += "end "; }
    void end_entries() override { log += "entries-end "; }
    std::string log;
};

TEST(TarWriter, TellsItsObserver) {
    Recorder recorder;
    TarWriter writer(recorder, &recorder);
    write_members(writer,
                  {other_member(TarType::directory, "d"), file_member("d/f", "abc"), file_member("d/e", "")},
                  2);
    writer.finish();
    EXPECT_EQ(recorder.log,
              "entry(d/) w512 entry(d/f) w512 begin w2 w1 end w509 entry(d/e) w512 entries-end w1024 ");
}

// The programs that people use must agree with our own reader.
int run(const std::string& command) {
    return std::system(command.c_str());  // NOLINT: a test, with a command of its own
}

TEST(TarWriter, GnuTarAgrees) {
    if (run("tar --version 2>/dev/null | grep -q GNU") != 0) GTEST_SKIP() << "no GNU tar";
    const TempDirectory directory;
    write_file(directory / "a.tar", write_tar(members()));
    const std::string tar = "tar --numeric-owner --xattrs --xattrs-include='*' -";
    ASSERT_EQ(run("cd " + directory.path() + " && " + tar + "tvvf a.tar > list 2> errors"), 0);
    std::ifstream list(directory / "list");
    const std::string text((std::istreambuf_iterator<char>(list)), {});
    EXPECT_NE(text.find("4294967294/4294967294"), std::string::npos) << text;
    EXPECT_NE(text.find("2097151/2097152"), std::string::npos) << text;
    for (const Member& member : members()) {
        // GNU tar prints those bytes in octal.
        if (member.entry.path.find('\xC3') != std::string::npos) continue;
        EXPECT_NE(text.find(member.entry.path), std::string::npos) << member.entry.path;
    }
    EXPECT_NE(text.find("security.capability"), std::string::npos) << text;
    EXPECT_EQ(std::filesystem::file_size(directory / "errors"), 0U);
}

TEST(TarWriter, PythonAgrees) {
    if (run("python3 -c 'import tarfile' 2>/dev/null") != 0) GTEST_SKIP() << "no Python";
    const TempDirectory directory;
    write_file(directory / "a.tar", write_tar(members()));
    write_file(directory / "check.py", R"(
import sys, tarfile
t = tarfile.open('a.tar')
for m in t:
    data = t.extractfile(m).read() if m.isreg() else b''
    print(m.name, m.linkname, m.size, len(data), m.uid, m.gid, m.mtime, oct(m.mode))
x = t.getmember('usr/xattrs').pax_headers
assert len([k for k in x if k.startswith('SCHILY.xattr.')]) == 3, x.keys()
)");
    ASSERT_EQ(run("cd " + directory.path() + " && python3 check.py > list"), 0);
    std::ifstream list(directory / "list");
    const std::string text((std::istreambuf_iterator<char>(list)), {});
    EXPECT_NE(text.find("usr/largest-ids  0 0 4294967294 4294967294 0 0o644"), std::string::npos) << text;
    EXPECT_NE(text.find("usr/large  100001 100001 0 0 0 0o644"), std::string::npos) << text;
    EXPECT_NE(text.find("usr/hard usr/large"), std::string::npos) << text;
}

}  // namespace
}  // namespace osb::oci
