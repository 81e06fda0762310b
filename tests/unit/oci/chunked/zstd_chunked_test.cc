#include "oci/chunked/zstd_chunked.hh"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

#include "base/base64.hh"
#include "base/byte_order.hh"
#include "oci/chunked/zstd_chunked_toc.hh"
#include "oci/codec/decompress.hh"
#include "oci/documents/json_text.hh"
#include "tests/support/read_archive.hh"
#include "tests/unit/oci/layout_builder.hh"
#include "tests/unit/oci/writer_test_util.hh"

namespace osb::oci {
namespace {

using test::read_archive;
using test::ReadArchive;

std::string unzstd_all(std::string_view bytes) {
    MemorySource source(as_bytes(bytes));
    return read_all(*decompress(source, Compression::zstd), 256UL << 20U, "test");
}

std::string_view part(std::string_view blob, const TocRange& range) {
    return blob.substr(range.offset, range.size);
}

// Small files, files of several chunks, holes, links, names and attributes of all kinds.
std::vector<Member> tree() {
    std::vector<Member> out;
    out.push_back(other_member(TarType::directory, "usr/"));
    out.push_back(file_member("usr/a", "small"));
    out.push_back(file_member("usr/empty", ""));
    out.push_back(other_member(TarType::symlink, "usr/l", "a"));
    out.push_back(file_member("usr/block", std::string(512, 'b')));
    out.push_back(file_member("usr/just-below", noise(kMinChunkedFile - 1)));
    out.push_back(file_member("usr/just", noise(kMinChunkedFile)));
    out.push_back(file_member("usr/large", noise(700000, 3) + std::string(70000, '\0') + lines(300000)));
    out.push_back(file_member("usr/zeros", std::string(1000000, '\0')));
    out.push_back(file_member("usr/one-chunk", std::string(300000, 'o')));
    out.push_back(other_member(TarType::hardlink, "usr/h", "usr/large"));
    out.push_back(file_member("usr/" + std::string(150, 'n') + "/\"quoted\\\n\xC3\xBC", "odd name"));
    Member xattrs = file_member("usr/x", "attributes");
    xattrs.entry.uid = 3000000;
    xattrs.entry.gid = 12;
    xattrs.entry.mode = 04755;
    xattrs.entry.xattrs = {{"security.capability", std::string("\x01\0\0\x02", 4)}, {"user.empty", ""}};
    out.push_back(xattrs);
    Member device = other_member(TarType::block_device, "usr/dev");
    device.entry.device_major = 8;
    device.entry.device_minor = 1;
    out.push_back(device);
    return out;
}

std::string plain_tar(const std::vector<Member>& members) {
    TextSink sink;
    TarWriter writer(sink);
    write_members(writer, members);
    writer.finish();
    return sink.text;
}

class ZstdChunked : public testing::Test {
  protected:
    static const LayerBytes& layer() {
        static const LayerBytes instance = write_layer(tree(), "zstd:chunked:3", 2);
        return instance;
    }
    static const TocLocation& location() { return *layer().layer->toc; }
    static Toc toc() { return read_toc(as_bytes(part(layer().blob, location().toc)), location()); }
};

TEST_F(ZstdChunked, IsPlainZstdToOthers) {
    const std::string tar = unzstd_all(layer().blob);
    EXPECT_TRUE(tar == plain_tar(tree()));
    EXPECT_EQ(layer().layer->diff_id, Digest::of(as_bytes(tar)));
    EXPECT_EQ(layer().layer->tar_size, tar.size());
    EXPECT_EQ(layer().layer->descriptor.digest, Digest::of(as_bytes(layer().blob)));
    EXPECT_EQ(layer().layer->descriptor.size, layer().blob.size());
    EXPECT_EQ(layer().layer->descriptor.media_type, kMediaTypeLayerZstd);
}

TEST_F(ZstdChunked, TheSameWithAnyNumberOfThreads) {
    for (const unsigned threads : {0U, 1U, 4U}) {
        const LayerBytes other = write_layer(tree(), "zstd:chunked:3", threads, 12345);
        EXPECT_TRUE(other.blob == layer().blob) << threads;
        EXPECT_EQ(other.layer->descriptor.annotations, layer().layer->descriptor.annotations);
    }
}

TEST_F(ZstdChunked, FooterSaysWhereTheTableIs) {
    const std::string& blob = layer().blob;
    const std::string footer = blob.substr(blob.size() - 72);
    EXPECT_EQ(footer.substr(0, 8), std::string("\x50\x2A\x4D\x18\x40\0\0\0", 8));
    const std::uint64_t expected[] = {
        location().toc.offset,        location().toc.size,        location().toc.uncompressed_size,       1,
        location().tar_split->offset, location().tar_split->size, location().tar_split->uncompressed_size};
    for (std::size_t i = 0; i < 7; ++i)
        EXPECT_EQ(from_little_endian(footer.substr(8 + 8 * i, 8)), expected[i]) << i;
    EXPECT_EQ(footer.substr(64), "GNUlInUx");
    // Each lies in a skippable frame of its own length.
    for (const TocRange& range : {location().toc, *location().tar_split}) {
        EXPECT_EQ(blob.substr(range.offset - 8, 4), "\x50\x2A\x4D\x18");
        EXPECT_EQ(from_little_endian(blob.substr(range.offset - 4, 4)), range.size);
        EXPECT_EQ(unzstd_all(part(blob, range)).size(), range.uncompressed_size);
    }
}

TEST_F(ZstdChunked, AnnotationsHaveBothSetsOfNames) {
    const auto& annotations = layer().layer->descriptor.annotations;
    const std::string position =
        concat(location().toc.offset, ':', location().toc.size, ':', location().toc.uncompressed_size, ":1");
    const std::string checksum = Digest::of(as_bytes(part(layer().blob, location().toc))).to_string();
    const TocRange& split = *location().tar_split;
    const std::map<std::string, std::string> expected{
        {"io.github.containers.zstd-chunked.manifest-checksum", checksum},
        {"io.github.containers.zstd-chunked.manifest-position", position},
        {"io.github.containers.zstd-chunked.tarsplit-position",
         concat(split.offset, ':', split.size, ':', split.uncompressed_size)},
        {"io.containers.zstd-chunked.manifest-checksum", checksum},
        {"io.containers.zstd-chunked.manifest-position", position}};
    EXPECT_EQ(annotations, expected);
}

TEST_F(ZstdChunked, TableNamesEveryEntry) {
    const std::vector<Member> members = tree();
    const Toc table = toc();
    ASSERT_EQ(table.entries.size(), members.size());
    for (std::size_t i = 0; i < members.size(); ++i) {
        const TarEntry& want = members[i].entry;
        const TarEntry& got = table.entries[i].tar;
        EXPECT_EQ(got.path, want.path);
        expect_same_metadata(got, want);
    }
}

TEST_F(ZstdChunked, EveryChunkCanBeReadAlone) {
    const std::vector<Member> members = tree();
    const Toc table = toc();
    std::set<std::string> with_holes;
    for (std::size_t i = 0; i < members.size(); ++i) {
        const TocEntry& entry = table.entries[i];
        const std::string& content = members[i].content;
        EXPECT_EQ(entry.digest.has_value(), !content.empty()) << entry.tar.path;
        if (content.empty()) continue;
        EXPECT_EQ(*entry.digest, sha256(as_bytes(content))) << entry.tar.path;
        std::string joined;
        for (const TocChunk& chunk : entry.chunks) {
            const std::string piece = unzstd_all(
                std::string_view(layer().blob).substr(chunk.offset, chunk.end_offset - chunk.offset));
            EXPECT_EQ(chunk.content_offset, joined.size());
            EXPECT_EQ(chunk.size, piece.size());
            EXPECT_EQ(chunk.digest.value_or(sha256(as_bytes(piece))), sha256(as_bytes(piece)));
            EXPECT_EQ(chunk.digest.has_value(), entry.chunks.size() > 1);
            if (chunk.zeros) {
                EXPECT_EQ(piece, std::string(piece.size(), '\0'));
                with_holes.insert(entry.tar.path);
            }
            joined += piece;
        }
        EXPECT_TRUE(joined == content) << entry.tar.path;
    }
    EXPECT_EQ(with_holes, (std::set<std::string>{"usr/large"}));
    EXPECT_EQ(table.entries[5].chunks.size(), 1U);
    EXPECT_GT(table.entries[7].chunks.size(), 3U);
}

// The archive made again from the tar-split data and the files alone, as containers/storage does it: it has
// the digest that the config names.
TEST_F(ZstdChunked, TarSplitRebuildsTheArchive) {
    const std::string_view compressed = part(layer().blob, *location().tar_split);
    ASSERT_EQ(toc().tar_split_digest, std::optional(sha256(as_bytes(compressed))));
    std::map<std::string, std::string> files;
    for (const Member& member : tree()) files[member.entry.path] = member.content;

    std::string tar;
    std::vector<std::string> names;
    std::size_t position = 0;
    std::size_t padding = 0;  // of the file before, that begins a segment
    std::istringstream lines_in(unzstd_all(compressed));
    for (std::string line; std::getline(lines_in, line); ++position) {
        const Json object = parse_json(line, "tar-split");
        EXPECT_EQ(object["position"], position);
        if (object["type"] == 2) {
            const auto segment = decode_base64(object["payload"].get<std::string>());
            ASSERT_TRUE(segment);
            // What readers of headers rely on: one header a segment, after the padding.
            const ReadArchive header = read_archive(segment->substr(padding), {.skip_content = true});
            EXPECT_LE(header.entries.size(), 1U);
            padding = 0;
            tar += *segment;
            continue;
        }
        ASSERT_EQ(object["type"], 1);
        const std::string name = object["name"];
        names.push_back(name);
        const std::string& content = files.at(name);
        EXPECT_EQ(object.value("size", 0U), content.size());
        EXPECT_EQ(object["payload"].is_null(), content.empty());
        if (!content.empty()) {
            Crc64 crc;
            crc.update(as_bytes(content));
            const auto sum = decode_base64(object["payload"].get<std::string>());
            ASSERT_TRUE(sum);
            std::string reversed(sum->rbegin(), sum->rend());
            EXPECT_EQ(from_little_endian(reversed), crc.value()) << name;
        }
        padding = (512 - content.size() % 512) % 512;
        tar += content;
    }
    EXPECT_EQ(Digest::of(as_bytes(tar)), layer().layer->diff_id);
    std::vector<std::string> expected;
    for (const Member& member : tree()) expected.push_back(member.entry.path);
    EXPECT_EQ(names, expected);
}

TEST(Crc64, IsThatOfIso3309) {
    Crc64 crc;
    crc.update(as_bytes(std::string_view("123456789")));
    EXPECT_EQ(crc.value(), 0xB90956C775A41001U);
    crc.reset();
    for (const char c : std::string_view("123456789")) crc.update(as_bytes(std::string_view(&c, 1)));
    EXPECT_EQ(crc.value(), 0xB90956C775A41001U);
    crc.reset();
    EXPECT_EQ(crc.value(), 0U);
}

TEST(ZstdChunkedWriter, AnEmptyLayer) {
    const LayerBytes layer = write_layer({}, "zstd:chunked", 0);
    EXPECT_EQ(unzstd_all(layer.blob), std::string(1024, '\0'));
    const TocLocation& location = *layer.layer->toc;
    EXPECT_TRUE(read_toc(as_bytes(part(layer.blob, location.toc)), location).entries.empty());
}

TEST(ZstdChunkedWriter, ManyEntriesWithoutContent) {
    std::vector<Member> members;
    for (int i = 0; i < 5000; ++i) members.push_back(other_member(TarType::directory, concat("d", i, '/')));
    const LayerBytes layer = write_layer(members, "zstd:chunked", 2);
    const TocLocation& location = *layer.layer->toc;
    const Toc toc = read_toc(as_bytes(part(layer.blob, location.toc)), location);
    ASSERT_EQ(toc.entries.size(), members.size());
    EXPECT_EQ(toc.entries[4999].tar.path, "d4999/");
    EXPECT_TRUE(unzstd_all(layer.blob) == plain_tar(members));
}

TEST(ZstdChunkedWriter, RefusesNamesThatJsonCannotHold) {
    for (const Member& member : {file_member("a\xFF", "x"), other_member(TarType::symlink, "l", "\xC3")}) {
        const Error error =
            expect_error(ErrorKind::unsupported, [&] { write_layer({member}, "zstd:chunked", 0); });
        EXPECT_NE(error.hint(), "");
        EXPECT_NO_THROW(write_layer({member}, "gzip", 0));
    }
}

TEST(LayerWriter, EveryFormatHasTheSameArchive) {
    const std::string tar = plain_tar(tree());
    for (const char* format : {"none", "gzip", "gzip:9", "zstd", "zstd:1", "zstd:chunked"}) {
        const LayerBytes layer = write_layer(tree(), format, 2);
        const Descriptor& descriptor = layer.layer->descriptor;
        EXPECT_EQ(layer.layer->diff_id, Digest::of(as_bytes(tar))) << format;
        EXPECT_EQ(descriptor.digest, Digest::of(as_bytes(layer.blob))) << format;
        MemorySource source(as_bytes(layer.blob));
        const auto plain = decompress(source, layer_compression(descriptor.media_type));
        EXPECT_TRUE(read_all(*plain, 64UL << 20U, "test") == tar) << format;
        EXPECT_EQ(layer.layer->toc.has_value(), std::string_view(format) == "zstd:chunked");
    }
}

TEST(LayerFormat, ReadsWhatUsersWrite) {
    using Kind = LayerFormat::Kind;
    EXPECT_EQ(LayerFormat::parse("zstd:chunked").kind, Kind::zstd_chunked);
    EXPECT_EQ(LayerFormat::parse("zstd:chunked:19").level, 19);
    EXPECT_EQ(LayerFormat::parse("zstd:19").kind, Kind::zstd);
    EXPECT_EQ(LayerFormat::parse("gzip").level, std::nullopt);
    EXPECT_EQ(LayerFormat::parse("gzip:9").level, 9);
    EXPECT_EQ(LayerFormat::parse("none").kind, Kind::none);
    for (const char* text : {"zstd:chunked:19", "zstd:3", "gzip", "none"})
        EXPECT_EQ(LayerFormat::parse(text).to_string(), text);
    for (const char* text :
         {"", "xz", "gzip:", "gzip:0", "gzip:10", "gzip:6x", "gzipped", "zstd:0", "zstd:23", "zstd:chunk",
          "zstd:chunked:", "zstd:chunked:-1", "none:1", "zstd:99999999999"}) {
        expect_error(ErrorKind::usage, [&] { LayerFormat::parse(text); });
    }
}

}  // namespace
}  // namespace osb::oci
