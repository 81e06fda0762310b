#include "oci/chunked/zstd_chunked_toc.hh"

#include <gtest/gtest.h>

#include "base/byte_order.hh"
#include "oci/documents/json_text.hh"
#include "tests/unit/oci/layout_builder.hh"
#include "tests/unit/oci/writer_test_util.hh"

namespace osb::oci {
namespace {

constexpr std::uint64_t kEnd = 100000;  // of the frames with content

std::string digest_text(char digit) {
    return "sha256:" + std::string(64, digit);
}

Json reg(const std::string& name, std::uint64_t offset = 10, std::uint64_t end = 20, std::uint64_t size = 5) {
    return {{"type", "reg"},
            {"name", name},
            {"mode", 420},
            {"size", size},
            {"offset", offset},
            {"endOffset", end},
            {"digest", digest_text('a')}};
}

Json document(const std::vector<Json>& entries) {
    return {{"version", 1}, {"entries", entries}};
}

Toc parsed_table(const Json& value) {
    return parse_toc(value.dump(), kEnd);
}

// A file of three chunks: 100 bytes, 50 zeros, 25.
std::vector<Json> chunked() {
    Json first = reg("f", 10, 90, 175);
    first["chunkSize"] = 100;
    first["chunkDigest"] = digest_text('1');
    return {first,
            {{"type", "chunk"},
             {"name", "f"},
             {"offset", 50},
             {"chunkSize", 50},
             {"chunkOffset", 100},
             {"chunkDigest", digest_text('2')},
             {"chunkType", "zeros"}},
            {{"type", "chunk"},
             {"name", "f"},
             {"offset", 60},
             {"chunkSize", 25},
             {"chunkOffset", 150},
             {"chunkDigest", digest_text('3')}}};
}

void refused_table(const Json& value, ErrorKind kind = ErrorKind::invalid) {
    expect_error(kind, [&] { parsed_table(value); });
}

TEST(Toc, ReadsFilesOfSeveralChunks) {
    const Toc toc = parsed_table(document(chunked()));
    ASSERT_EQ(toc.entries.size(), 1U);
    const TocEntry& entry = toc.entries[0];
    EXPECT_EQ(entry.tar.size, 175U);
    ASSERT_EQ(entry.chunks.size(), 3U);
    EXPECT_EQ(entry.chunks[0].offset, 10U);
    EXPECT_EQ(entry.chunks[0].end_offset, 50U);
    EXPECT_EQ(entry.chunks[1].end_offset, 60U);
    EXPECT_TRUE(entry.chunks[1].zeros);
    EXPECT_EQ(entry.chunks[2].end_offset, 90U);
    EXPECT_EQ(entry.chunks[2].content_offset, 150U);
    EXPECT_FALSE(entry.chunks[2].zeros);
}

TEST(Toc, WhatIsWrittenIsReadBack) {
    TocEntry entry;
    entry.tar = file_member("a\"\\\n\x7F\xC3\xBC", "12345").entry;
    entry.tar.xattrs = {{"user.b\"", std::string("\0\xFF", 2)}, {"user.c", ""}};
    entry.digest = sha256(as_bytes(std::string_view("12345")));
    entry.chunks = {
        {.offset = 7, .end_offset = 9, .content_offset = 0, .size = 5, .digest = {}, .zeros = false}};
    std::string json = R"({"version":1,"entries":[)";
    append_toc_entry(json, entry);
    json += "]}";
    const Toc toc = parse_toc(json, kEnd);
    ASSERT_EQ(toc.entries.size(), 1U);
    EXPECT_EQ(toc.entries[0].tar.path, entry.tar.path);
    EXPECT_EQ(toc.entries[0].tar.xattrs, entry.tar.xattrs);
    EXPECT_EQ(toc.entries[0].digest, entry.digest);
    EXPECT_EQ(toc.entries[0].chunks[0].offset, 7U);
    EXPECT_EQ(toc.entries[0].chunks[0].end_offset, 9U);
}

TEST(Toc, MembersThatAreUnknownArePassedOver) {
    Json value = document({reg("f")});
    value["future"] = {{"entries", {1, 2, {{"deep", {{}}}}}}, {"version", 2}};
    value["entries"][0]["other"] = {{"type", "dir"}, {"list", {1.5, nullptr, true}}};
    value["entries"][0]["modtime"] = "0001-01-01T00:00:00Z";
    value["entries"][0]["linkName"] = nullptr;
    EXPECT_EQ(parsed_table(value).entries.size(), 1U);
}

TEST(Toc, RangesMustLieInTheBlob) {
    EXPECT_NO_THROW(parsed_table(document({reg("f", 10, kEnd)})));
    refused_table(document({reg("f", 10, kEnd + 1)}));
    refused_table(document({reg("f", 20, 20)}));
    refused_table(document({reg("f", 20, 10)}));
    refused_table(document({reg("f", INT64_MAX, 10)}));
    Json no_end = reg("f");
    no_end.erase("endOffset");
    refused_table(document({no_end}));
    Json negative = reg("f");
    negative["offset"] = -1;
    refused_table(document({negative}));
    Json huge = reg("f");
    huge["offset"] = UINT64_MAX;
    refused_table(document({huge}));
}

TEST(Toc, ChunksMustBeAllOfTheFile) {
    const auto with = [](std::size_t index, const char* key, const Json& value) {
        std::vector<Json> entries = chunked();
        entries[index][key] = value;
        return document(entries);
    };
    refused_table(with(0, "chunkSize", 99));
    refused_table(with(0, "chunkSize", 176));
    refused_table(with(1, "chunkOffset", 99));
    refused_table(with(1, "chunkOffset", 101));
    refused_table(with(1, "chunkSize", 0));
    refused_table(with(2, "chunkSize", 24));
    refused_table(with(2, "chunkSize", 26));
    refused_table(with(2, "chunkSize", INT64_MAX));
    refused_table(with(1, "offset", 10));
    refused_table(with(1, "offset", 5));
    refused_table(with(2, "offset", 90));
    refused_table(with(1, "name", "g"));
    refused_table(with(1, "chunkType", "ones"));
    refused_table(with(1, "chunkDigest", nullptr));
    refused_table(with(0, "size", 1000));
    std::vector<Json> fewer = chunked();
    fewer.pop_back();
    refused_table(document(fewer));
    refused_table(document({chunked()[1]}));
    std::vector<Json> interrupted = chunked();
    interrupted.insert(interrupted.begin() + 1, Json{{"type", "dir"}, {"name", "d/"}});
    refused_table(document(interrupted));
}

TEST(Toc, RefusesWhatIsNoTable) {
    for (const char* text :
         {"", "[]", "1", "null", "{}", "{\"version\":1}", "{\"version\":2,\"entries\":[]}",
          "{\"version\":1,\"entries\":[]} x", "{\"version\":1,\"entries\":[],\"entries\":[]}",
          "{\"version\":1,\"entries\":{}}", "{\"version\":1,\"entries\":[1]}",
          "{\"version\":1,\"entries\":[null]}", "{\"version\":1,\"entries\":[[]]}",
          "{\"version\":\"1\",\"entries\":[]}", "{\"version\":1.0,\"entries\":[]}",
          "\xEF\xBB\xBF{\"version\":1,\"entries\":[]}", "{\"version\":1,\"entries\":["}) {
        expect_error(ErrorKind::invalid, [&] { parse_toc(text, kEnd); });
    }
    expect_error(ErrorKind::invalid,
                 [] { parse_toc(std::string("{\"version\":1,\"entries\":[]}\0", 27), kEnd); });
    EXPECT_NO_THROW(parse_toc("{\"version\":1,\"entries\":[]}", kEnd));
}

TEST(Toc, RefusesBadEntries) {
    const auto with = [](const char* key, const Json& value) {
        Json entry = reg("f");
        entry[key] = value;
        return document({entry});
    };
    for (const Json& name :
         {Json(""), Json(std::string("a\0b", 3)), Json(std::string(4097, 'n')), Json(1), Json(nullptr)})
        refused_table(with("name", name));
    for (const Json& type : {Json("socket"), Json(""), Json(nullptr), Json(1), Json("chunk")})
        refused_table(with("type", type));
    for (const Json& digest :
         {Json("sha512:aa"), Json("sha256:AB"), Json(std::string(64, 'a')), Json(nullptr)})
        refused_table(with("digest", digest));
    refused_table(with("linkName", "target"));
    refused_table(with("uid", 0x100000000));
    refused_table(with("uid", "0"));
    refused_table(with("mode", 1.5));
    refused_table(with("size", Json::array()));
    refused_table(with("xattrs", "text"));
    refused_table(with("xattrs", {{"user.a", "not base64"}}));
    refused_table(with("xattrs", {{"user.a", 1}}));
    refused_table(document({reg("f"), reg("f", 30, 40)}));
    refused_table(document({Json{{"type", "symlink"}, {"name", "l"}}}));
    std::string twice = document({reg("f")}).dump();
    twice.replace(twice.find("\"mode\""), 0, "\"mode\":1,");
    expect_error(ErrorKind::invalid, [&] { parse_toc(twice, kEnd); });
}

TEST(Toc, IsBounded) {
    std::string deep = R"({"version":1,"entries":[],"x":)";
    deep += std::string(1000000, '[');
    expect_error(ErrorKind::invalid, [&] { parse_toc(deep, kEnd); });
    Json xattrs = reg("f");
    for (int i = 0; i < 300; ++i) xattrs["xattrs"][concat("user.", i)] = "";
    refused_table(document({xattrs}));
    expect_error(ErrorKind::too_large, [] { parse_toc(std::string(kMaxToc + 1, ' '), kEnd); });
}

TEST(Toc, EveryTruncationIsRefused) {
    const std::string whole = document(chunked()).dump();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        expect_error(ErrorKind::invalid, [&] { parse_toc(whole.substr(0, size), kEnd); });
    }
}

Descriptor layer_with(const std::map<std::string, std::string>& annotations, std::uint64_t size = 1000) {
    return {.media_type = std::string(kMediaTypeLayerZstd),
            .digest = Digest::of({}),
            .size = size,
            .annotations = annotations,
            .platform = {},
            .artifact_type = {}};
}

constexpr const char* kChecksum = "io.github.containers.zstd-chunked.manifest-checksum";
constexpr const char* kPosition = "io.github.containers.zstd-chunked.manifest-position";
constexpr const char* kTarSplit = "io.github.containers.zstd-chunked.tarsplit-position";

TEST(FindToc, ReadsNewAndOldNames) {
    EXPECT_FALSE(find_toc(layer_with({})));
    const auto now = find_toc(
        layer_with({{kChecksum, digest_text('a')}, {kPosition, "100:50:200:1"}, {kTarSplit, "158:42:99"}}));
    ASSERT_TRUE(now);
    EXPECT_EQ(now->toc.offset, 100U);
    EXPECT_EQ(now->toc.size, 50U);
    EXPECT_EQ(now->toc.uncompressed_size, 200U);
    EXPECT_EQ(now->tar_split->size, 42U);
    const auto old = find_toc(layer_with({{"io.containers.zstd-chunked.manifest-checksum", digest_text('b')},
                                          {"io.containers.zstd-chunked.manifest-position", "1:2:3:1"}}));
    ASSERT_TRUE(old);
    EXPECT_FALSE(old->tar_split);
    EXPECT_EQ(to_hex(old->toc_digest), std::string(64, 'b'));
    EXPECT_EQ(find_toc(layer_with(toc_annotations(*now)))->toc.offset, 100U);
}

TEST(FindToc, RefusesWhatContradictsItself) {
    const auto bad = [](const std::string& checksum, const std::string& position,
                        ErrorKind kind = ErrorKind::invalid) {
        std::map<std::string, std::string> annotations;
        if (!checksum.empty()) annotations[kChecksum] = checksum;
        if (!position.empty()) annotations[kPosition] = position;
        expect_error(kind, [&] { find_toc(layer_with(annotations)); });
    };
    const std::string good = digest_text('a');
    bad(good, "");
    bad("", "100:50:200:1");
    for (const char* position : {"100:50:200", "100:50:200:1:1", "100:50:200:1x", " 100:50:200:1",
                                 "-1:50:200:1", "100::200:1", "100:901:200:1", "1001:1:1:1", "100:0:200:1",
                                 "18446744073709551615:50:200:1", "99999999999999999999:5:5:1", "0x10:5:5:1"})
        bad(good, position);
    bad(good, "100:50:200:2", ErrorKind::unsupported);
    bad(good, concat("100:50:", kMaxToc + 1, ":1"), ErrorKind::too_large);
    bad("sha256:x", "100:50:200:1");
    expect_error(ErrorKind::invalid, [&] {
        find_toc(layer_with({{kChecksum, good}, {kPosition, "100:50:200:1"}, {kTarSplit, "990:42:99"}}));
    });
}

std::string footer_of(const std::vector<std::uint64_t>& numbers, const std::string& magic) {
    std::string out = "\x50\x2a\x4d\x18";
    append_little_endian(out, numbers.size() * 8 + magic.size(), 4);
    for (const std::uint64_t number : numbers) append_little_endian(out, number, 8);
    return out + magic;
}

TEST(FindTocFooter, ReadsBothForms) {
    const Descriptor layer = layer_with({});
    const auto old = find_toc_footer(std::string(24, 'x') + footer_of({100, 50, 200, 1}, "GnUlInUx"), layer);
    ASSERT_TRUE(old);
    EXPECT_EQ(old->toc.offset, 100U);
    EXPECT_EQ(old->toc.size, 50U);
    EXPECT_EQ(old->toc.uncompressed_size, 200U);
    EXPECT_FALSE(old->tar_split);
    const auto now = find_toc_footer(footer_of({100, 50, 200, 1, 158, 42, 99}, "GNUlInUx"), layer);
    ASSERT_TRUE(now && now->tar_split);
    EXPECT_EQ(now->tar_split->offset, 158U);
    EXPECT_FALSE(find_toc_footer(footer_of({100, 50, 200, 1, 0, 0, 0}, "GNUlInUx"), layer)->tar_split);
    const LayerBytes written = write_layer({file_member("f", "content")}, "zstd:chunked", 0);
    const auto own = find_toc_footer(written.blob.substr(written.blob.size() - kMaxTocFooter),
                                     layer_with({}, written.blob.size()));
    ASSERT_TRUE(own && own->tar_split);
    EXPECT_EQ(own->toc.offset, written.layer->toc->toc.offset);
    EXPECT_EQ(own->tar_split->size, written.layer->toc->tar_split->size);
}

TEST(FindTocFooter, OtherBytesAreNotOne) {
    const Descriptor layer = layer_with({});
    const std::string good = footer_of({100, 50, 200, 1}, "GnUlInUx");
    for (std::size_t i = 0; i < good.size(); ++i)
        EXPECT_FALSE(find_toc_footer(std::string_view(good).substr(i + 1), layer)) << i;
    // The form of 56 bytes, which nothing reads; another type; another magic; places outside the blob.
    EXPECT_FALSE(find_toc_footer(footer_of({100, 50, 200, 1, 158, 42}, "GNUlInUx"), layer));
    EXPECT_FALSE(find_toc_footer(footer_of({100, 50, 200, 2}, "GnUlInUx"), layer));
    EXPECT_FALSE(find_toc_footer(footer_of({100, 50, 200, 1}, "GNUlInUx"), layer));
    EXPECT_FALSE(find_toc_footer(footer_of({999, 50, 200, 1}, "GnUlInUx"), layer));
    EXPECT_FALSE(find_toc_footer(footer_of({100, 50, kMaxToc + 1, 1}, "GnUlInUx"), layer));
    EXPECT_FALSE(find_toc_footer(footer_of({100, 50, 200, 1, 999, 42, 99}, "GNUlInUx"), layer));
}

TEST(ReadToc, ChecksTheDigest) {
    const LayerBytes layer = write_layer({file_member("f", "content")}, "zstd:chunked", 0);
    const TocLocation location = *layer.layer->toc;
    std::string bytes = layer.blob.substr(location.toc.offset, location.toc.size);
    EXPECT_EQ(read_toc(as_bytes(bytes), location).entries.size(), 1U);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<char>(bytes[i] ^ 1);
        expect_error(ErrorKind::digest_mismatch, [&] { read_toc(as_bytes(bytes), location); });
        bytes[i] = static_cast<char>(bytes[i] ^ 1);
    }
    expect_error(ErrorKind::digest_mismatch,
                 [&] { read_toc(as_bytes(std::string_view(bytes).substr(1)), location); });
    TocLocation smaller = location;
    --smaller.toc.uncompressed_size;
    expect_error(ErrorKind::too_large, [&] { read_toc(as_bytes(bytes), smaller); });
}

}  // namespace
}  // namespace osb::oci
