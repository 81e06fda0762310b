#include "oci/codec/decompress.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "base/error.hh"
#include "tests/support/compress.hh"
#include "tests/support/tar_builder.hh"

namespace osb::oci {
namespace {

using test::gzip;
using test::little_endian;
using test::zstd;
using test::zstd_skippable;

// Gives at most `step` bytes a read, as pipes and sockets do.
class TrickleSource final : public Source {
  public:
    TrickleSource(std::string_view bytes, std::size_t step) : rest_(bytes), step_(step) {}
    std::size_t read(MutableBytes buffer) override {
        const std::size_t n = std::min({buffer.size(), step_, rest_.size()});
        std::copy_n(rest_.begin(), n, buffer.begin());
        rest_.remove_prefix(n);
        return n;
    }

  private:
    std::string_view rest_;
    std::size_t step_;
};

// Text that compresses somewhat, with matches near and far.
std::string sample(std::size_t size) {
    std::mt19937 random(size == 0 ? 1U : static_cast<unsigned>(size));
    std::string out;
    out.reserve(size + 300);
    while (out.size() < size) {
        if (out.size() > 1000 && random() % 2 == 0) {
            const std::size_t from = random() % (out.size() - 300);
            out += out.substr(from, 3 + random() % 290);
        } else {
            for (auto i = random() % 40; i > 0; --i) out.push_back(static_cast<char>(random() % 256));
        }
    }
    out.resize(size);
    return out;
}

using Decoder = std::unique_ptr<Source> (*)(Source&);

std::unique_ptr<Source> unzstd_through_public(Source& inner) {
    return decompress(inner, Compression::zstd);
}

struct Outcome {
    std::string content;
    std::string error;  // empty when there was none
    ErrorKind kind = ErrorKind::internal;
};

Outcome decode(Decoder decoder, std::string_view bytes, std::size_t in_step = 1U << 20U,
               std::size_t out_step = 100000) {
    Outcome outcome;
    TrickleSource inner(bytes, in_step);
    const auto source = decoder(inner);
    std::string buffer(out_step, '\0');
    try {
        const MutableBytes target(reinterpret_cast<std::uint8_t*>(buffer.data()), buffer.size());
        while (const std::size_t n = source->read(target)) outcome.content.append(buffer, 0, n);
        EXPECT_EQ(source->read(target), 0U) << "the end stays the end";
    } catch (const Error& error) {
        outcome.error = error.message();
        outcome.kind = error.kind();
    }
    return outcome;
}

void expect_content(Decoder decoder, std::string_view bytes, std::string_view content) {
    const Outcome outcome = decode(decoder, bytes);
    EXPECT_EQ(outcome.error, "");
    EXPECT_TRUE(outcome.content == content) << outcome.content.size() << " bytes, not " << content.size();
}

void expect_decoder_error(Decoder decoder, std::string_view bytes, ErrorKind kind = ErrorKind::invalid) {
    const Outcome outcome = decode(decoder, bytes);
    EXPECT_NE(outcome.error, "");
    EXPECT_EQ(outcome.kind, kind) << outcome.error;
}

// Header fields that gzip(1) can write, or none can.
std::string with_header(std::string_view member, char flags, std::string_view fields, bool header_crc) {
    std::string header("\x1f\x8b\x08", 3);
    header += static_cast<char>(flags | (header_crc ? 0x02 : 0));
    header += std::string("\1\2\3\4\0\3", 6);
    header += fields;
    if (header_crc) header += little_endian(test::crc32(header) & 0xffffU, 2);
    return header + std::string(member.substr(10));
}

// ---- what every format and decoder must do
// -----------------------------------------------------------------

struct Format {
    const char* name;
    Decoder decoder;
    std::string (*encode)(std::string_view);
};

std::string encode_gzip(std::string_view content) {
    return gzip(content);
}
std::string encode_zstd(std::string_view content) {
    return zstd(content);
}

class DecompressTest : public testing::TestWithParam<Format> {};

TEST_P(DecompressTest, ReturnsContentOfAnySize) {
    for (const std::size_t size :
         {0U, 1U, 511U, 32768U, 65535U, 65536U, 70000U, 262144U, 262145U, 1500000U}) {
        SCOPED_TRACE(size);
        const std::string content = sample(size);
        expect_content(GetParam().decoder, GetParam().encode(content), content);
    }
}

TEST_P(DecompressTest, SizesOfReadsDoNotMatter) {
    const std::string content = sample(140000);
    const std::string bytes = GetParam().encode(content);
    for (const std::size_t in_step : {1U, 4093U, 1000000U}) {
        for (const std::size_t out_step : {7U, 512U, 65535U, 65536U, 300000U}) {
            if (in_step == 1 && out_step != 512 && out_step != 65536)
                continue;  // slow, and the others say the same
            const Outcome outcome = decode(GetParam().decoder, bytes, in_step, out_step);
            EXPECT_EQ(outcome.error, "") << in_step << ' ' << out_step;
            EXPECT_TRUE(outcome.content == content) << in_step << ' ' << out_step;
        }
    }
}

TEST_P(DecompressTest, LongRunsOfZeros) {
    const std::string content(5000000, '\0');
    expect_content(GetParam().decoder, GetParam().encode(content), content);
}

TEST_P(DecompressTest, SeveralMembersAreOneStream) {
    std::string bytes;
    std::string content;
    for (const std::size_t size : {1000U, 0U, 1U, 70000U, 0U, 300000U, 5U}) {
        bytes += GetParam().encode(sample(size));
        content += sample(size);
    }
    expect_content(GetParam().decoder, bytes, content);
    const Outcome trickled = decode(GetParam().decoder, bytes, 3, 512);
    EXPECT_EQ(trickled.error, "");
    EXPECT_TRUE(trickled.content == content);
}

TEST_P(DecompressTest, ManyTinyMembers) {
    std::string bytes;
    std::string content;
    const std::string member = GetParam().encode("abc");
    const std::string empty = GetParam().encode("");
    for (int i = 0; i < 5000; ++i) {
        bytes += member + empty;
        content += "abc";
    }
    expect_content(GetParam().decoder, bytes, content);
}

TEST_P(DecompressTest, NoBytesAreNotAStream) {
    expect_decoder_error(GetParam().decoder, "");
}

TEST_P(DecompressTest, TruncationAnywhereIsRefused) {
    const std::string bytes = GetParam().encode(sample(3000)) + GetParam().encode("tail");
    const std::size_t first = GetParam().encode(sample(3000)).size();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        if (size == first) continue;  // a whole stream
        const Outcome outcome = decode(GetParam().decoder, std::string_view(bytes).substr(0, size));
        EXPECT_NE(outcome.error, "") << "cut at " << size;
        EXPECT_EQ(outcome.kind, ErrorKind::invalid) << "cut at " << size;
    }
}

TEST_P(DecompressTest, BitFlipIsNeverOtherContent) {
    const std::string content = sample(600);
    const std::string bytes = GetParam().encode(content);
    for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
        std::string flipped = bytes;
        flipped[i / 8] = static_cast<char>(static_cast<unsigned char>(flipped[i / 8]) ^ (1U << (i % 8)));
        const Outcome outcome = decode(GetParam().decoder, flipped);
        // Bits that carry nothing (a gzip header's time) may flip.
        EXPECT_TRUE(!outcome.error.empty() || outcome.content == content) << "bit " << i;
    }
}

TEST_P(DecompressTest, OtherFormatsAreNotGuessed) {
    const std::string inner = "some content";
    expect_decoder_error(GetParam().decoder, inner);
    expect_decoder_error(GetParam().decoder,
                         "\xfd"
                         "7zXZ" +
                             std::string(100, 'a'));
    expect_decoder_error(GetParam().decoder, "BZh91AY&SY" + std::string(100, 'a'));
    expect_decoder_error(GetParam().decoder, std::string(1024, '\0'));
    const bool is_gzip = GetParam().encode == encode_gzip;
    expect_decoder_error(GetParam().decoder, is_gzip ? zstd(inner) : gzip(inner));
    expect_decoder_error(GetParam().decoder,
                         GetParam().encode(inner) + (is_gzip ? zstd(inner) : gzip(inner)));
}

TEST_P(DecompressTest, OnlyOneLayerOfCompressionIsUndone) {
    const std::string once = GetParam().encode("content");
    expect_content(GetParam().decoder, GetParam().encode(once), once);
}

TEST_P(DecompressTest, RubbishBehindTheEndIsRefused) {
    const std::string bytes = GetParam().encode("content");
    for (const std::string_view rubbish :
         {"x", "\x1f", "\x1f\x8b", "(", "\x28\xb5\x2f", "rubbish of some length"})
        expect_decoder_error(GetParam().decoder, bytes + std::string(rubbish));
}

INSTANTIATE_TEST_SUITE_P(All, DecompressTest,
                         testing::Values(Format{"fast", gunzip_fast, encode_gzip},
                                         Format{"zlib", gunzip_zlib, encode_gzip},
                                         Format{"zstd", unzstd_through_public, encode_zstd}),
                         [](const auto& param_info) { return std::string(param_info.param.name); });

// ---- gzip
// ---------------------------------------------------------------------------------------------------

class GunzipTest : public testing::TestWithParam<std::pair<const char*, Decoder>> {
  protected:
    static Decoder decoder() { return GetParam().second; }
};

TEST_P(GunzipTest, EveryLevel) {
    const std::string content = sample(400000);
    for (int level = 0; level <= 9; ++level) expect_content(decoder(), gzip(content, level), content);
}

TEST_P(GunzipTest, ZeroPaddingBehindTheLastMember) {
    for (const std::size_t zeros : {1U, 7U, 8U, 512U, 1000000U})
        expect_content(decoder(), std::string(gzip("content")).append(zeros, '\0'), "content");
}

TEST_P(GunzipTest, PaddingThatIsNotOnlyZerosIsRefused) {
    expect_decoder_error(decoder(), gzip("content") + std::string(700, '\0') + "x");
    expect_decoder_error(decoder(), gzip("content") + std::string(1000000, '\0') + "x");
    expect_decoder_error(decoder(), gzip("content") + std::string(16, '\0') + gzip("content"));
}

TEST_P(GunzipTest, HeaderFields) {
    const std::string member = gzip("content");
    const std::string extra = little_endian(3, 2) + "abc";
    const std::string name("name\0", 5);
    const std::string comment("comment\0", 8);
    for (const bool crc : {false, true}) {
        expect_content(decoder(), with_header(member, 0, "", crc), "content");
        expect_content(decoder(), with_header(member, 0x01, "", crc), "content");  // FTEXT
        expect_content(decoder(), with_header(member, 0x04, extra, crc), "content");
        expect_content(decoder(), with_header(member, 0x08, name, crc), "content");
        expect_content(decoder(), with_header(member, 0x10, comment, crc), "content");
        expect_content(decoder(), with_header(member, 0x1c, concat(extra, name, comment), crc), "content");
    }
}

TEST_P(GunzipTest, HeaderFieldsOf64KiB) {
    const std::string member = gzip("content");
    const std::string extra = little_endian(65535, 2) + std::string(65535, 'e');
    const std::string text = std::string(65536, 't') + '\0';
    for (const bool crc : {false, true})
        expect_content(decoder(), with_header(member, 0x1c, concat(extra, text, text), crc), "content");
    const std::string bytes = with_header(member, 0x1c, extra + text + text, true);
    const Outcome trickled = decode(decoder(), bytes, 1, 10);
    EXPECT_EQ(trickled.content, "content");
}

TEST_P(GunzipTest, EndlessHeaderTextIsRefused) {
    expect_decoder_error(decoder(),
                         std::string("\x1f\x8b\x08\x08\0\0\0\0\0\3", 10) + std::string(3000000, 'n'));
}

TEST_P(GunzipTest, BadHeaders) {
    const std::string member = gzip("content");
    for (const unsigned flag : {0x20U, 0x40U, 0x80U}) {
        std::string bad = member;
        bad[3] = static_cast<char>(flag);
        expect_decoder_error(decoder(), bad);
    }
    std::string method = member;
    method[2] = 7;
    expect_decoder_error(decoder(), method);
    std::string crc = with_header(member, 0, "", true);
    crc[10] = static_cast<char>(crc[10] ^ 1);
    expect_decoder_error(decoder(), crc);
}

TEST_P(GunzipTest, TrailerIsChecked) {
    const std::string member = gzip(sample(100000));
    for (std::size_t i = 1; i <= 8; ++i) {
        std::string bad = member;
        bad[bad.size() - i] = static_cast<char>(bad[bad.size() - i] ^ 0x10);
        expect_decoder_error(decoder(), bad);
        expect_decoder_error(decoder(), gzip("first") + bad);
        expect_decoder_error(decoder(), bad + gzip("last"));
    }
}

TEST_P(GunzipTest, InvalidDeflateData) {
    const std::string header("\x1f\x8b\x08\0\0\0\0\0\0\3", 10);
    expect_decoder_error(decoder(),
                         header + std::string("\x07", 1) + std::string(100, '\0'));  // block type 3
    // A stored block whose length and its complement do not match.
    expect_decoder_error(decoder(),
                         header + std::string("\x01\x05\x00\x00\x00hello", 10) + std::string(8, '\0'));
    // Fixed codes: a match 1 byte back where there is nothing yet.
    expect_decoder_error(decoder(), header + std::string("\x03\x02\x00", 3) + std::string(8, '\0'));
}

// A match must not reach into the member before.
TEST_P(GunzipTest, HistoryEndsWithTheMember) {
    const std::string header("\x1f\x8b\x08\0\0\0\0\0\0\3", 10);
    // 3 bytes from distance 1, end of block; as if the byte before were 'a'.
    const std::string body("\x03\x02\x00", 3);
    const std::string trailer = little_endian(test::crc32("aaa"), 4) + little_endian(3, 4);
    expect_decoder_error(decoder(), gzip(std::string(70000, 'a')) + header + body + trailer);
}

// Deflate streams of every length modulo 8, so that decoders read ahead into trailer and next header
// differently.
TEST_P(GunzipTest, MembersEndAtAnyBit) {
    std::string bytes;
    std::string content;
    for (std::size_t i = 0; i < 200; ++i) {
        bytes += gzip(sample(i), static_cast<int>(i % 10));
        content += sample(i);
    }
    for (const std::size_t in_step : {1U, 2U, 3U, 5U, 8U, 9U, 100000U}) {
        const Outcome outcome = decode(decoder(), bytes, in_step);
        EXPECT_EQ(outcome.error, "") << in_step;
        EXPECT_TRUE(outcome.content == content) << in_step;
    }
}

INSTANTIATE_TEST_SUITE_P(All, GunzipTest,
                         testing::Values(std::pair<const char*, Decoder>{"fast", gunzip_fast},
                                         std::pair<const char*, Decoder>{"zlib", gunzip_zlib}),
                         [](const auto& param_info) { return std::string(param_info.param.first); });

// Whatever the bytes, both decoders say the same: content where a stream is whole, an error where it is not.
TEST(GunzipBothTest, AgreeOnDamagedStreams) {
    std::mt19937 random(7);
    const std::string bytes = gzip(sample(4000)) + gzip(sample(50), 1);
    for (int round = 0; round < 3000; ++round) {
        std::string damaged = bytes;
        for (auto i = random() % 3; i < 3; ++i)
            damaged[random() % damaged.size()] = static_cast<char>(random() % 256);
        if (random() % 4 == 0) damaged.resize(random() % damaged.size());
        const Outcome fast = decode(gunzip_fast, damaged);
        const Outcome zlib = decode(gunzip_zlib, damaged);
        EXPECT_EQ(fast.error.empty(), zlib.error.empty())
            << round << ": " << fast.error << " | " << zlib.error;
        EXPECT_TRUE(!fast.error.empty() || fast.content == zlib.content) << round;
    }
}

// ---- zstd
// ---------------------------------------------------------------------------------------------------

constexpr Decoder kUnzstd = unzstd_through_public;

TEST(UnzstdTest, SkippableFrames) {
    expect_content(kUnzstd,
                   zstd_skippable("") + zstd("a") + zstd_skippable("xyz") + zstd("b") + zstd_skippable(""),
                   "ab");
    // zstd:chunked ends in a skippable frame of some size.
    expect_content(kUnzstd, zstd("a") + zstd_skippable(std::string(600000, 'm')), "a");
    expect_content(kUnzstd, zstd_skippable("only"), "");
    std::string last = zstd_skippable("q");
    last[0] = '\x5f';
    expect_content(kUnzstd, zstd("a") + last, "a");
}

TEST(UnzstdTest, AMillionSkippableFrames) {
    std::string bytes;
    for (int i = 0; i < 1000000; ++i) bytes.append("\x50\x2a\x4d\x18\0\0\0\0", 8);
    expect_content(kUnzstd, bytes + zstd("a"), "a");
}

TEST(UnzstdTest, TruncatedSkippableFrame) {
    const std::string bytes = zstd_skippable("0123456789");
    for (std::size_t size = 1; size < bytes.size(); ++size)
        expect_decoder_error(kUnzstd, zstd("a") + bytes.substr(0, size));
}

TEST(UnzstdTest, DictionariesAreRefused) {
    // Single segment with a dictionary id of one byte: id 7, no content, one empty last block.
    const std::string frame("\x28\xb5\x2f\xfd\x21\x07\x00\x01\x00\x00", 10);
    expect_decoder_error(kUnzstd, frame, ErrorKind::unsupported);
    expect_decoder_error(kUnzstd, zstd("a") + frame, ErrorKind::unsupported);
    // The same without the id is an empty frame.
    expect_content(kUnzstd, std::string("\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00", 9), "");
}

TEST(UnzstdTest, WindowsAreLimited) {
    expect_content(kUnzstd, test::zstd_with_window("content", 27), "content");
    // Window descriptors: exponent in the upper five bits, 2^(10 + exponent).
    for (const unsigned log : {28U, 31U, 41U}) {
        std::string frame("\x28\xb5\x2f\xfd\x00\x00\x01\x00\x00", 9);
        frame[5] = static_cast<char>((log - 10U) << 3U);
        expect_decoder_error(kUnzstd, frame, ErrorKind::too_large);
    }
}

TEST(UnzstdTest, ChecksumIsChecked) {
    std::string frame = zstd(sample(5000));
    frame.back() = static_cast<char>(frame.back() ^ 1);
    expect_decoder_error(kUnzstd, frame);
}

TEST(UnzstdTest, FormatsBeforeRfc8878AreRefused) {
    for (const char version : {'\x22', '\x23', '\x24', '\x25', '\x26', '\x27'})
        expect_decoder_error(kUnzstd, std::string(1, version) + "\xb5\x2f\xfd" + std::string(50, '\0'));
    expect_decoder_error(kUnzstd, std::string("\x1e\xb5\x2f\xfd", 4) + std::string(50, '\0'));
}

// ---- layers, whose types may say something else
// -----------------------------------------------------------------------------------------------------------

template<Compression declared>
std::unique_ptr<Source> layer_of_type(Source& inner) {
    return decompress_layer(inner, declared);
}

TEST(DecompressLayerTest, TheBlobDecides) {
    const std::string tar = test::TarBuilder().file("f", sample(5000)).finish();
    const std::string chunked = zstd_skippable("index") + zstd(tar);
    for (const Decoder decoder :
         {Decoder(layer_of_type<Compression::none>), Decoder(layer_of_type<Compression::gzip>),
          Decoder(layer_of_type<Compression::zstd>)}) {
        for (const std::string& bytes : {tar, gzip(tar), zstd(tar), chunked, test::xz(tar), test::bzip2(tar)})
            expect_content(decoder, bytes, tar);
        const std::string zeros(1024, '\0');
        expect_content(decoder, zeros, zeros);
        expect_content(decoder, "", "");
        expect_content(decoder, gzip(""), "");
        EXPECT_EQ(decode(decoder, gzip(tar), 1, 7).content, tar);
        expect_content(decoder, gzip(gzip(tar)), gzip(tar));  // undone once
    }
}

TEST(DecompressLayerTest, WhatIsNeitherIsReadAsItsTypeSays) {
    for (const std::string& bytes :
         {std::string("x"), std::string(2000, 'x'), "BZh01AY&SY" + std::string(1000, 'a')}) {
        expect_decoder_error(layer_of_type<Compression::gzip>, bytes);
        expect_decoder_error(layer_of_type<Compression::zstd>, bytes);
        expect_content(layer_of_type<Compression::none>, bytes, bytes);
    }
    // An archive, by its type and by its look, whose first name begins as gzip does.
    const std::string odd = test::TarBuilder().file("\x1f\x8b", "x").finish();
    expect_content(layer_of_type<Compression::none>, odd, odd);
    expect_decoder_error(layer_of_type<Compression::gzip>, odd);
    const std::string named = test::TarBuilder().file("BZh9", "x").finish();
    expect_content(layer_of_type<Compression::none>, named, named);
    expect_content(layer_of_type<Compression::gzip>, named, named);
}

TEST(DecompressNoneTest, PassesBytesThrough) {
    const std::string content = sample(1000);
    expect_content([](Source& inner) { return decompress(inner, Compression::none); }, content, content);
    expect_content([](Source& inner) { return decompress(inner, Compression::none); }, "", "");
}

}  // namespace
}  // namespace osb::oci
