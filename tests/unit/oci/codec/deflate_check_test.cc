// Deflate streams that some decoders take and others do not: zlib, whose rules are Go's too, is the witness.
#include "oci/codec/deflate_check.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/error.hh"
#include "oci/codec/decompress.hh"
#include "tests/support/compress.hh"

namespace osb::oci {
namespace {

using test::little_endian;

class BitWriter {
  public:
    // Numbers begin with their lowest bit, words of a Huffman code with their highest.
    BitWriter& number(unsigned value, unsigned bits) {
        for (unsigned i = 0; i < bits; ++i) bit((value >> i) & 1U);
        return *this;
    }
    BitWriter& word(unsigned value, unsigned bits) {
        for (unsigned i = bits; i > 0; --i) bit((value >> (i - 1)) & 1U);
        return *this;
    }
    const std::string& bytes() const { return bytes_; }

  private:
    void bit(unsigned value) {
        if (used_ % 8 == 0) bytes_.push_back('\0');
        bytes_.back() = static_cast<char>(static_cast<unsigned char>(bytes_.back()) | (value << (used_ % 8)));
        ++used_;
    }

    std::string bytes_;
    unsigned used_ = 0;
};

using Lengths = std::vector<unsigned>;

// The word of a symbol in the canonical code with these lengths.
void write_symbol(BitWriter& out, const Lengths& lengths, std::size_t symbol) {
    unsigned word = 0;
    for (unsigned length = 1; length <= lengths[symbol]; ++length) {
        word *= 2;
        for (std::size_t i = 0; i < lengths.size(); ++i) {
            if (lengths[i] == length && (length < lengths[symbol] || i < symbol)) ++word;
        }
    }
    out.word(word, lengths[symbol]);
}

// The lengths of the two codes, each written as it is, in a code of 16 words of four bits.
void write_dynamic_header(BitWriter& out, const Lengths& literals, const Lengths& distances, bool last) {
    out.number(last ? 1 : 0, 1).number(2, 2);
    out.number(static_cast<unsigned>(literals.size() - 257), 5);
    out.number(static_cast<unsigned>(distances.size() - 1), 5).number(15, 4);
    for (int i = 0; i < 3; ++i) out.number(0, 3);
    for (int i = 0; i < 16; ++i) out.number(4, 3);
    for (const unsigned length : literals) out.word(length, 4);
    for (const unsigned length : distances) out.word(length, 4);
}

Lengths lengths_of(std::size_t size, const std::vector<std::pair<std::size_t, unsigned>>& used) {
    Lengths out(size, 0);
    for (const auto& [symbol, length] : used) out[symbol] = length;
    return out;
}

std::string member(const std::string& deflated, const std::string& content) {
    return std::string("\x1f\x8b\x08\0\0\0\0\0\0\3", 10) + deflated + little_endian(test::crc32(content), 4) +
           little_endian(content.size(), 4);
}

using Decoder = std::unique_ptr<Source> (*)(Source&);

// The content, or nothing when it is refused.
std::optional<std::string> content_of(Decoder decoder, const std::string& bytes) {
    MemorySource source(as_bytes(bytes));
    try {
        return read_all(*decoder(source), 1UL << 24U, "stream");
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::invalid) << error.message();
        return std::nullopt;
    }
}

// What zlib makes of it must be what the fast decoder makes of it.
void expect_same(const std::string& bytes, bool is_taken, const std::string& what) {
    const auto zlib = content_of(gunzip_zlib, bytes);
    EXPECT_EQ(zlib.has_value(), is_taken) << what;
    EXPECT_EQ(content_of(gunzip_fast, bytes), zlib) << what;
}

// A stream of one block: the letter 'a' as often as its code allows it, and the end.
std::string stream_of(const Lengths& literals, const Lengths& distances, std::size_t letters) {
    BitWriter out;
    write_dynamic_header(out, literals, distances, true);
    for (std::size_t i = 0; i < letters; ++i) write_symbol(out, literals, 'a');
    if (literals.size() > 256 && literals[256] > 0) write_symbol(out, literals, 256);
    return member(out.bytes(), std::string(letters, 'a'));
}

TEST(DeflateCheckTest, IncompleteCodesAreRefused) {
    const Lengths complete = lengths_of(257, {{'a', 1}, {256, 1}});
    const Lengths none(1, 0);
    expect_same(stream_of(complete, none, 5), true, "a whole code, no distances");
    expect_same(stream_of(complete, {1}, 5), true, "one distance of one bit");
    expect_same(stream_of(complete, {1, 1}, 5), true, "two distances");
    expect_same(stream_of(complete, {2}, 5), false, "one distance of two bits");
    expect_same(stream_of(complete, {2, 2}, 5), false, "two distances of two bits");
    expect_same(stream_of(complete, {1, 1, 1}, 5), false, "three distances of one bit");
    expect_same(stream_of(lengths_of(257, {{'a', 2}, {256, 2}}), none, 5), false, "two literals of two bits");
    expect_same(stream_of(lengths_of(257, {{'a', 1}, {256, 2}}), none, 5), false,
                "words of one and two bits");
    expect_same(stream_of(lengths_of(257, {{'a', 1}, {'b', 1}, {256, 1}}), none, 5), false, "too many words");
    expect_same(stream_of(lengths_of(257, {{256, 1}}), none, 0), true, "nothing but the end");
    expect_same(stream_of(lengths_of(257, {{256, 2}}), none, 0), false, "the end in two bits");
    expect_same(stream_of(lengths_of(257, {{'a', 1}, {'b', 1}}), none, 5), false, "no end");
    expect_same(stream_of(lengths_of(257, {{'a', 1}, {'b', 15}, {256, 15}}), none, 5), false, "long words");
}

TEST(DeflateCheckTest, TooManySymbolsAreRefused) {
    for (std::size_t literals = 257; literals <= 288; ++literals) {
        for (const std::size_t distances : {1U, 30U, 31U, 32U}) {
            const std::string bytes = stream_of(lengths_of(literals, {{'a', 1}, {256, 1}}),
                                                lengths_of(distances, {{0, 1}, {distances - 1, 1}}), 3);
            expect_same(bytes, literals <= 286 && distances <= 30, concat(literals, ' ', distances));
        }
    }
}

TEST(DeflateCheckTest, CodesOfCodeLengths) {
    constexpr std::array<unsigned, 19> kOrder{16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                              11, 4,  12, 3, 13, 2, 14, 1, 15};
    // Lengths of the words for 0, 1, 16 and 18; then all that is needed for a code of 'a' and the end.
    const auto bytes = [&](unsigned zero, unsigned one, unsigned repeat, unsigned zeros, bool repeat_first) {
        const Lengths lengths = lengths_of(19, {{0, zero}, {1, one}, {16, repeat}, {18, zeros}});
        BitWriter out;
        out.number(1, 1).number(2, 2).number(0, 5).number(0, 5).number(15, 4);
        for (const unsigned symbol : kOrder) out.number(lengths[symbol], 3);
        const auto put = [&](std::size_t symbol) { write_symbol(out, lengths, symbol); };
        if (repeat_first) {
            put(16);
            out.number(0, 2);
        }
        put(18);
        out.number(97 - (repeat_first ? 3 : 0) - 11, 7);
        put(1);
        put(18);
        out.number(127, 7);
        put(18);
        out.number(256 - 98 - 138 - 11, 7);
        put(1);
        put(0);
        out.word(0, 1).word(1, 1);
        return member(out.bytes(), "a");
    };
    expect_same(bytes(2, 2, 2, 2, false), true, "complete");
    expect_same(bytes(2, 2, 0, 1, false), true, "complete without repeats");
    expect_same(bytes(3, 2, 2, 2, false), false, "incomplete");
    expect_same(bytes(2, 2, 0, 2, false), false, "incomplete without repeats");
    expect_same(bytes(1, 2, 2, 2, false), false, "too many words");
    expect_same(bytes(2, 2, 2, 2, true), false, "the first length repeats the one before");
}

// A bad block between good ones, behind so much that the good ones do not fit one buffer.
TEST(DeflateCheckTest, EveryBlockIsLookedAt) {
    const Lengths good = lengths_of(257, {{'a', 1}, {256, 1}});
    const Lengths bad = lengths_of(257, {{'a', 2}, {256, 2}});
    for (const std::size_t place : {0U, 1U, 20U, 59U, 60U}) {
        BitWriter out;
        std::string content;
        for (std::size_t i = 0; i < 60; ++i) {
            const Lengths& lengths = i == place ? bad : good;
            write_dynamic_header(out, lengths, Lengths(1, 0), i == 59);
            for (std::size_t j = 0; j < 1000; ++j) write_symbol(out, lengths, 'a');
            write_symbol(out, lengths, 256);
            content.append(1000, 'a');
        }
        expect_same(member(out.bytes(), content), place == 60, concat("block ", place));
    }
}

// Codes made at random, most of them nearly whole.
TEST(DeflateCheckTest, AgreesWithZlibOnAnyCode) {
    std::mt19937 random(1);
    std::size_t taken = 0;
    for (int round = 0; round < 400; ++round) {
        Lengths literals(257 + random() % 30, 0);
        // Splitting words keeps a code whole; what is done to it then may not.
        std::vector<std::size_t> used{'a', 256};
        literals['a'] = literals[256] = 1;
        for (auto i = random() % 60; i > 0; --i) {
            const std::size_t split = used[random() % used.size()];
            const std::size_t added = random() % literals.size();
            if (literals[added] != 0 || literals[split] == 15) continue;
            literals[added] = ++literals[split];
            used.push_back(added);
        }
        if (random() % 2 == 0) {
            unsigned& length = literals[used[random() % used.size()]];
            length = std::clamp<unsigned>(length + (random() % 2 == 0 ? 1U : -1U), 1, 15);
        }
        const std::string bytes = stream_of(literals, Lengths(1 + random() % 30, random() % 3 == 0 ? 1 : 0),
                                            literals['a'] == 0 ? 0 : random() % 50);
        const auto zlib = content_of(gunzip_zlib, bytes);
        EXPECT_EQ(content_of(gunzip_fast, bytes), zlib) << round;
        if (zlib) ++taken;
    }
    EXPECT_GT(taken, 50U);
    EXPECT_LT(taken, 350U);
}

// ---- the check by itself, however the program was built
// -----------------------------------------------------------------------------------------------------------

std::string deflated(const std::string& content, int level) {
    const std::string bytes = test::gzip(content, level);
    return bytes.substr(10, bytes.size() - 18);
}

bool is_taken(const std::string& bytes, std::size_t step, std::size_t surplus) {
    DeflateCheck check;
    for (int round = 0; round < 2; ++round) {
        check.reset();
        try {
            for (std::size_t at = 0; at < bytes.size(); at += step)
                check.update(as_bytes(bytes).subspan(at, std::min(step, bytes.size() - at)));
            check.finish(surplus);
        } catch (const Error&) {
            return false;
        }
    }
    return true;
}

TEST(DeflateCheckTest, WholeStreamsAndTheirEnds) {
    std::mt19937 random(2);
    std::string content;
    while (content.size() < 300000) {
        const auto from = content.empty() ? 0 : random() % content.size();
        if (random() % 2 == 0) content += content.substr(from, random() % 300);
        for (auto i = random() % 30; i > 0; --i) content.push_back(static_cast<char>(random()));
    }
    for (const int level : {0, 1, 6, 9}) {
        for (const std::size_t size : {0U, 1U, 1000U, 300000U}) {
            const std::string bytes = deflated(content.substr(0, size), level);
            for (const std::size_t step : {7U, 1023U, 65536U, 1000000U})
                EXPECT_TRUE(is_taken(bytes, step, 0)) << level << ' ' << size << ' ' << step;
            EXPECT_TRUE(is_taken(bytes + "12345678", 1000, 8));
            EXPECT_FALSE(is_taken(bytes, 1000, 1));
            EXPECT_FALSE(is_taken(bytes + "1", 1000, 0));
            EXPECT_FALSE(is_taken(bytes + std::string(5000, '\0'), 1000, 0));
            EXPECT_FALSE(is_taken(bytes.substr(0, bytes.size() - 1), 1000, 0));
        }
    }
    EXPECT_FALSE(is_taken("", 1, 0));
    EXPECT_FALSE(is_taken("", 1, 1));
    EXPECT_FALSE(is_taken("\x07", 1, 0));
}

}  // namespace
}  // namespace osb::oci
