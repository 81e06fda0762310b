#include "oci/chunked/chunker.hh"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/oci/writer_test_util.hh"

namespace osb::oci {
namespace {

struct Cut {
    std::string content;
    bool zeros = false;
    bool operator==(const Cut&) const = default;
};

class Collector final : public ChunkReceiver {
  public:
    void chunk_data(ByteView bytes) override { open_ += as_text(bytes); }
    void end_chunk() override { cuts.push_back({std::exchange(open_, {}), false}); }
    void zero_chunk(std::uint64_t count) override {
        EXPECT_EQ(open_, "");
        cuts.push_back({std::string(static_cast<std::size_t>(count), '\0'), true});
    }
    std::vector<Cut> cuts;

  private:
    std::string open_;
};

std::vector<Cut> cut(std::string_view content, std::size_t step = 1U << 20U) {
    Collector collector;
    Chunker chunker(collector);
    while (!content.empty()) {
        chunker.write(as_bytes(content.substr(0, step)));
        content.remove_prefix(std::min(step, content.size()));
    }
    chunker.finish();
    return collector.cuts;
}

std::string joined(const std::vector<Cut>& cuts) {
    std::string out;
    for (const Cut& each : cuts) out += each.content;
    return out;
}

// The rule in the plainest words: sums over the last 64 bytes, computed anew for each byte.
bool is_border(const std::string& content, std::size_t end) {
    std::uint32_t sum2 = 0;
    for (std::size_t i = 0; i < 64; ++i) {
        const std::uint32_t byte =
            i < 64 - std::min<std::size_t>(64, end) ? 0 : static_cast<std::uint8_t>(content[end - 64 + i]);
        sum2 += static_cast<std::uint32_t>(64 - i) * (byte + 31);
    }
    sum2 += 64 * 63 * 31 - 64 * 65 / 2 * 31;  // what the checksum begins with
    return (sum2 & 0xFFFFU) == 0xFFFFU;
}

TEST(Chunker, CutsWhereTheRuleSays) {
    const std::string content = noise(3000000);
    std::vector<std::size_t> expected;
    std::size_t begin = 0;
    for (std::size_t end = 1; end <= content.size(); ++end) {
        if (end - begin < Chunker::kMinChunk) continue;
        if (is_border(content, end) || end - begin == Chunker::kMaxChunk) {
            expected.push_back(end);
            begin = end;
        }
    }
    if (begin != content.size()) expected.push_back(content.size());
    std::vector<std::size_t> got;
    std::size_t at = 0;
    for (const Cut& each : cut(content)) got.push_back(at += each.content.size());
    EXPECT_EQ(got, expected);
    EXPECT_GT(got.size(), 4U);
    EXPECT_LT(got.size(), 9U);
}

TEST(Chunker, PiecesDoNotMatter) {
    std::string content = noise(300000) + std::string(1023, '\0') + noise(200000, 2) +
                          std::string(1024, '\0') + noise(100, 3) + std::string(100000, '\0') + "x" +
                          std::string(5000, '\0');
    const std::vector<Cut> whole = cut(content);
    EXPECT_EQ(joined(whole), content);
    for (const std::size_t step : {1UL, 7UL, 1000UL, 1024UL, 4096UL})
        EXPECT_TRUE(cut(content, step) == whole) << step;
}

TEST(Chunker, RunsOfZerosAreChunks) {
    const std::string few(1023, '\0');
    const std::string many(1024, '\0');
    EXPECT_EQ(cut("a" + few + "b"), (std::vector<Cut>{{"a" + few + "b", false}}));
    EXPECT_EQ(cut("a" + many + "b"), (std::vector<Cut>{{"a", false}, {many, true}, {"b", false}}));
    EXPECT_EQ(cut(many + "b"), (std::vector<Cut>{{many, true}, {"b", false}}));
    EXPECT_EQ(cut("a" + many), (std::vector<Cut>{{"a", false}, {many, true}}));
    EXPECT_EQ(cut("a" + few), (std::vector<Cut>{{"a" + few, false}}));
    EXPECT_EQ(cut(many), (std::vector<Cut>{{many, true}}));
    EXPECT_TRUE(cut("").empty());
}

TEST(Chunker, AChangeStaysLocal) {
    const std::string old = noise(4000000);
    std::string changed = old;
    changed.insert(1500000, "inserted");
    std::set<std::string> known;
    for (const Cut& each : cut(old)) known.insert(each.content);
    std::size_t fresh = 0;
    for (const Cut& each : cut(changed)) fresh += known.contains(each.content) ? 0 : each.content.size();
    EXPECT_LT(fresh, 700000U);
}

TEST(Chunker, ChunksAreBounded) {
    // One byte over and over never meets the rule.
    for (const Cut& each : cut(std::string(3500000, 'a'))) EXPECT_LE(each.content.size(), Chunker::kMaxChunk);
    EXPECT_EQ(cut(std::string(3500000, 'a')).size(), 4U);
}

TEST(Chunker, FilesAreIndependent) {
    Collector collector;
    Chunker chunker(collector);
    const std::string content = noise(500000);
    for (int i = 0; i < 2; ++i) {
        chunker.write(as_bytes(content));
        chunker.finish();
    }
    std::vector<Cut> twice = cut(content);
    const std::vector<Cut> once = twice;
    twice.insert(twice.end(), once.begin(), once.end());
    EXPECT_TRUE(collector.cuts == twice);
}

}  // namespace
}  // namespace osb::oci
