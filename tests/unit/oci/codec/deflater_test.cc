#include "oci/codec/deflater.hh"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <string>

#include "tests/unit/oci/writer_test_util.hh"

namespace osb::oci {
namespace {

// zlib is the judge.
std::string inflate_raw(std::string deflated, std::size_t size) {
    std::string out(size + 1, '\0');
    z_stream stream{};
    EXPECT_EQ(inflateInit2(&stream, -15), Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(deflated.data());
    stream.avail_in = static_cast<uInt>(deflated.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    EXPECT_EQ(stream.avail_in, 0U);
    out.resize(stream.total_out);
    inflateEnd(&stream);
    return out;
}

std::string words(std::size_t size) {
    std::string text;
    std::uint32_t state = 1;
    while (text.size() < size) {
        state = state * 1664525U + 1013904223U;
        text += state % 3 == 0 ? "some words that repeat "
                               : std::string(1 + state % 40, static_cast<char>(state >> 24U));
    }
    return text;
}

class DeflaterTest : public ::testing::TestWithParam<int> {
  protected:
    std::string deflate(const std::string& text, std::size_t piece, bool with_window) {
        const std::string_view all = text;
        std::string out;
        std::size_t at = 0;
        do {
            const std::string_view content = all.substr(at, piece);
            const std::size_t window = with_window ? std::min(at, kDeflateWindow) : 0;
            out += as_text(deflater_->compress({.before = as_bytes(all.substr(at - window, window)),
                                                .content = as_bytes(content),
                                                .last = at + content.size() == all.size()}));
            at += content.size();
        } while (at < all.size());
        return out;
    }

    std::unique_ptr<Deflater> deflater_ = make_deflater(GetParam());
};

TEST_P(DeflaterTest, PiecesAreOneStream) {
    const std::string text = words(300'000);
    for (const std::size_t piece :
         {std::size_t{1000}, std::size_t{65536}, std::size_t{100'000}, text.size()}) {
        for (const bool with_window : {false, true}) {
            const std::string out = deflate(text, piece, with_window);
            EXPECT_EQ(inflate_raw(out, text.size()), text) << piece;
            EXPECT_LT(out.size(), text.size());
        }
    }
}

TEST_P(DeflaterTest, WhatComesBeforeIsUsed) {
    const std::string unit = noise(20'000);
    std::string text;
    for (int i = 0; i < 5; ++i) text += unit;
    EXPECT_LT(deflate(text, unit.size(), true).size(), unit.size() * 3 / 2);
    EXPECT_GT(deflate(text, unit.size(), false).size(), unit.size() * 4);
}

TEST_P(DeflaterTest, EmptyTinyAndIncompressible) {
    for (const std::string& text : {std::string{}, std::string("x"), noise(200'000)}) {
        EXPECT_EQ(inflate_raw(deflate(text, 1U << 20U, false), text.size()), text);
        EXPECT_EQ(inflate_raw(deflate(text, 64U << 10U, true), text.size()), text);
    }
}

TEST_P(DeflaterTest, ForgetsEarlierPieces) {
    const std::string text = words(100'000);
    const std::string first = deflate(text, text.size(), false);
    deflate(noise(50'000), 10'000, true);
    EXPECT_EQ(deflate(text, text.size(), false), first);
}

INSTANTIATE_TEST_SUITE_P(Levels, DeflaterTest, ::testing::Values(kFastDeflate, 1, 6, 9));

TEST(GzipCrc, OfTwoPieces) {
    const std::string text = words(10'000);
    const std::string_view all = text;
    const std::uint32_t whole = gzip_crc(as_bytes(all));
    EXPECT_EQ(whole, crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
    EXPECT_EQ(combine_gzip_crc(gzip_crc(as_bytes(all.substr(0, 777))), gzip_crc(as_bytes(all.substr(777))),
                               all.size() - 777),
              whole);
}

}  // namespace
}  // namespace osb::oci
