// Archives reproduced from tar-split data.
#include "oci/tar/tar_split_reader.hh"

#include <gtest/gtest.h>

#include "base/base64.hh"
#include "oci/tar/tar_split.hh"
#include "tests/support/string_sink.hh"
#include "tests/support/thrown_kind.hh"

namespace osb::oci {
namespace {

using test::StringSink;
using test::thrown_kind;

std::string rebuilt(const std::string& lines, const std::string& content = "content") {
    MemorySource source(as_bytes(lines));
    RebuiltArchive archive(source, [&content](const std::string& /*name*/, std::uint64_t /*size*/) {
        return std::make_unique<MemorySource>(as_bytes(content));
    });
    return read_all(archive, 1UL << 20, "an archive");
}

TEST(TarSplitReaderTest, ReproducesWhatTheWriterSplit) {
    StringSink sink;
    TarSplitWriter writer(sink);
    writer.segment(as_bytes("header 1"));
    writer.file("dir/", 0, 0);
    writer.segment(as_bytes("header 2"));
    writer.file("file", 7, 42);
    writer.segment(as_bytes(std::string(100000, '\0')));
    EXPECT_EQ(rebuilt(sink.text), "header 1header 2content" + std::string(100000, '\0'));
    MemorySource source(as_bytes(sink.text));
    TarSplitReader reader(source);
    EXPECT_EQ(reader.next()->segment, "header 1");
    EXPECT_EQ(reader.next()->name, "dir/");
}

TEST(TarSplitReaderTest, NamesMayBeBytes) {
    StringSink sink;
    TarSplitWriter(sink).file("\xFF", 1, 0);
    MemorySource source(as_bytes(sink.text));
    EXPECT_EQ(TarSplitReader(source).next()->name, "\xFF");
    // podman writes the members in another order, and no line break need be at the end.
    const std::string last = R"({"name":"a","size":2,"payload":"AAAAAAAAAAA=","position":0,"type":1})";
    EXPECT_EQ(rebuilt(last, "ab"), "ab");
}

TEST(TarSplitReaderTest, WhatIsNotSuchALineIsRefused) {
    for (const char* line :
         {"x", "[]", "{}", R"({"type":3})", R"({"type":2})", R"({"type":2,"payload":"*"})", R"({"type":1})",
          R"({"type":1,"name":1})", R"({"type":1,"name":"a","size":-1})", R"({"type":1,"name_raw":"*"})"})
        EXPECT_EQ(thrown_kind([&] { rebuilt(line); }), ErrorKind::invalid) << line;
    EXPECT_EQ(thrown_kind([] { rebuilt(std::string(kMaxTarSplitLine + 70000, ' ')); }), ErrorKind::too_large);
}

TEST(TarSplitReaderTest, AContentThatIsTooShortIsRefused) {
    StringSink sink;
    TarSplitWriter(sink).file("a", 100, 0);
    EXPECT_EQ(thrown_kind([&] { rebuilt(sink.text); }), ErrorKind::digest_mismatch);
}

}  // namespace
}  // namespace osb::oci
