// Which search a frame gets, and that frames of every search are what they were made of.
#include "oci/chunked/frame_search.hh"

#include <gtest/gtest.h>

#include <string>

#include "oci/codec/decompress.hh"
#include "tests/unit/oci/writer_test_util.hh"

namespace osb::oci {
namespace {

// Bytes of which one in `every` is zero, none of the others.
std::string with_zeros(std::size_t size, std::size_t every) {
    std::string out = noise(size);
    for (std::size_t i = 0; i < size; ++i) {
        if (out[i] == '\0') out[i] = '\x01';
        if (i % every == 0) out[i] = '\0';
    }
    return out;
}

std::string frame(std::string_view content, const ZstdSearch& search) {
    std::string out;
    ZstdFrames(3).compress(as_bytes(content), out, search);
    return out;
}

TEST(FrameSearch, ByKindOfContent) {
    EXPECT_EQ(content_search({}), kContentSearch);
    EXPECT_EQ(content_search(as_bytes(lines(5000))), kContentSearch);
    EXPECT_EQ(content_search(as_bytes(noise(100000))), kContentSearch) << "compressed data has few zeros";
    EXPECT_EQ(content_search(as_bytes(with_zeros(64000, 32))), kBinarySearch);
    EXPECT_EQ(content_search(as_bytes(with_zeros(64000, 33))), kContentSearch);
    EXPECT_EQ(content_search(as_bytes(std::string(1, '\0'))), kBinarySearch);
}

TEST(FrameSearch, FramesHoldTheirContent) {
    for (const ZstdSearch& search : {kHeaderSearch, kContentSearch, kBinarySearch}) {
        for (const std::size_t size : {1U, 1000U, 16384U, 16385U, 131073U, 262145U, 524288U}) {
            const std::string content = with_zeros(size / 2, 9) + lines(size - size / 2);
            const std::string compressed = frame(content, search);
            MemorySource source(as_bytes(compressed));
            EXPECT_TRUE(read_all(*decompress(source, Compression::zstd), 1U << 20U, "test") == content)
                << search.level << ' ' << size;
        }
    }
}

// Three bytes that occur again between bytes that do not: only the search for short matches finds them.
TEST(FrameSearch, MatchesOfThreeBytesAreFound) {
    constexpr std::size_t kWords = 16;
    const std::string words = noise(3 * kWords, 2);
    const std::string other = noise(200000);
    std::string content;
    for (std::size_t i = 0; i + 3 < other.size() && content.size() < 200000; i += 3) {
        const std::size_t word = static_cast<std::uint8_t>(other[i]) % kWords;
        content += words.substr(3 * word, 3) + other.substr(i + 1, 2);
    }
    EXPECT_LT(frame(content, kBinarySearch).size(), frame(content, kContentSearch).size());
}

// A context that was used for other searches makes the same frame.
TEST(FrameSearch, TheSameFrameAfterOthers) {
    const std::string content = with_zeros(100000, 5);
    ZstdFrames frames(9);
    std::string first;
    frames.compress(as_bytes(content), first, kBinarySearch);
    std::string others;
    for (const ZstdSearch& search : {kHeaderSearch, kContentSearch, ZstdSearch{.level = 19}})
        frames.compress(as_bytes(lines(300000)), others, search);
    frames.compress(as_bytes(content), others);
    std::string again;
    frames.compress(as_bytes(content), again, kBinarySearch);
    EXPECT_TRUE(again == first);
    EXPECT_TRUE(frame(content, kBinarySearch) == first);
    std::string by_level;
    frames.compress(as_bytes(content), by_level);
    EXPECT_TRUE(frame(content, {.level = 9}) == by_level);
}

}  // namespace
}  // namespace osb::oci
