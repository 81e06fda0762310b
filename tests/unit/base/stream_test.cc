#include "base/stream.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/error.hh"

namespace osb {
namespace {

// Yields its text in pieces of at most `step` bytes, and has no skip() of its own.
class SteppingSource final : public Source {
  public:
    SteppingSource(std::string text, std::size_t step) : text_(std::move(text)), step_(step) {}
    std::size_t read(MutableBytes buffer) override {
        const std::size_t n = std::min({step_, buffer.size(), text_.size() - position_});
        std::copy_n(text_.begin() + static_cast<std::ptrdiff_t>(position_), n, buffer.begin());
        position_ += n;
        return n;
    }

  private:
    std::string text_;
    std::size_t step_;
    std::size_t position_ = 0;
};

TEST(MemorySource, ReadsInPieces) {
    MemorySource source(as_bytes("hello"));
    std::vector<std::uint8_t> buffer(3);
    EXPECT_EQ(source.read(buffer), 3U);
    EXPECT_EQ(as_text(buffer), "hel");
    EXPECT_EQ(source.read(buffer), 2U);
    EXPECT_EQ(source.read(buffer), 0U);
    EXPECT_EQ(source.read(buffer), 0U);
}

TEST(MemorySource, Skips) {
    MemorySource source(as_bytes("hello"));
    EXPECT_EQ(source.skip(0), 0U);
    EXPECT_EQ(source.skip(2), 2U);
    EXPECT_EQ(read_all(source, 10, "x"), "llo");
    EXPECT_EQ(source.skip(1), 0U);
    MemorySource rest(as_bytes("hello"));
    EXPECT_EQ(rest.skip(~0ULL), 5U);
}

TEST(Source, SkipsByReading) {
    const std::string text(100'000, 'x');
    SteppingSource source(text + "end", 999);
    EXPECT_EQ(source.skip(text.size()), text.size());
    EXPECT_EQ(source.skip(1), 1U);
    EXPECT_EQ(read_all(source, 10, "x"), "nd");
    SteppingSource ends(text, 7);
    EXPECT_EQ(ends.skip(text.size() + 1), text.size());
}

TEST(ReadAll, BoundsWhatItReads) {
    for (const std::size_t size : {0UL, 1UL, 65'535UL, 65'536UL, 65'537UL, 200'000UL}) {
        const std::string text(size, 'x');
        SteppingSource exact(text, 1000);
        EXPECT_EQ(read_all(exact, size, "x"), text);
        if (size == 0) continue;
        SteppingSource over(text, 1000);
        try {
            read_all(over, size - 1, "the thing");
            ADD_FAILURE() << size;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::too_large);
            EXPECT_EQ(error.message().find("the thing: "), 0U) << error.message();
        }
    }
}

TEST(ReadFull, FillsOrEnds) {
    SteppingSource source("hello world", 2);
    std::vector<std::uint8_t> buffer(7);
    EXPECT_EQ(read_full(source, buffer), 7U);
    EXPECT_EQ(as_text(buffer), "hello w");
    EXPECT_EQ(read_full(source, buffer), 4U);
    EXPECT_EQ(read_full(source, buffer), 0U);
}

}  // namespace
}  // namespace osb
