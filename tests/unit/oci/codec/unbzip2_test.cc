// bzip2 streams, which libbz2 made.
#include "oci/codec/unbzip2.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/error.hh"
#include "tests/support/compress.hh"
#include "tests/support/thrown_kind.hh"

namespace osb::test {
namespace {

std::string unpack_bzip2(const std::string& packed) {
    MemorySource source(as_bytes(packed));
    return read_all(*oci::unbzip2(source), 64UL << 20U, "the content");
}

TEST(Unbzip2, GivesTheContent) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += std::to_string(i * 7919);
    EXPECT_EQ(unpack_bzip2(bzip2(text)), text);  // several blocks
    EXPECT_EQ(unpack_bzip2(bzip2("")), "");
    EXPECT_EQ(unpack_bzip2(bzip2(std::string(10'000'000, '\0'))), std::string(10'000'000, '\0'));
}

// Input and output in pieces of one byte, too.
TEST(Unbzip2, PiecesOfAnySize) {
    struct ByteSource final : Source {
        std::string bytes;
        std::size_t at = 0;
        std::size_t read(MutableBytes buffer) override {
            if (at == bytes.size() || buffer.empty()) return 0;
            buffer[0] = static_cast<std::uint8_t>(bytes[at++]);
            return 1;
        }
    };
    ByteSource source;
    source.bytes = bzip2("abc") + bzip2("") + bzip2("defg");
    const std::unique_ptr<Source> plain = oci::unbzip2(source);
    std::string out;
    std::uint8_t byte = 0;
    while (plain->read({&byte, 1}) == 1) out += static_cast<char>(byte);
    EXPECT_EQ(out, "abcdefg");
    EXPECT_EQ(plain->read({&byte, 1}), 0U);
}

TEST(Unbzip2, EveryCutAndAnyMoreIsRefused) {
    const std::string packed = bzip2(std::string(10'000, 'x') + "tail");
    for (std::size_t size = 0; size < packed.size(); ++size)
        EXPECT_EQ(thrown_kind([&] { unpack_bzip2(packed.substr(0, size)); }), ErrorKind::invalid) << size;
    for (const char* more : {"x", "\n", "BZ", "BZh9", "BZh0", "BZx"})
        EXPECT_EQ(thrown_kind([&] { unpack_bzip2(packed + more); }), ErrorKind::invalid) << more;
    EXPECT_EQ(thrown_kind([&] { unpack_bzip2(packed + '\0'); }), ErrorKind::invalid);
    EXPECT_EQ(thrown_kind([&] { unpack_bzip2("not bzip2 at all"); }), ErrorKind::invalid);
}

// The last bits of the last byte are padding.
TEST(Unbzip2, ChangedBytesGiveNoOtherContent) {
    const std::string text = std::string(10'000, 'x') + "tail";
    std::string packed = bzip2(text);
    unsigned refused = 0;
    for (std::size_t at = 0; at < packed.size(); ++at) {
        packed[at] ^= 1;
        try {
            EXPECT_EQ(unpack_bzip2(packed), text) << at;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::invalid) << at;
            ++refused;
        }
        packed[at] ^= 1;
    }
    EXPECT_GE(refused, packed.size() - 2);
}

TEST(Unbzip2, FilesMayHaveSeveralStreams) {
    EXPECT_EQ(unpack_bzip2(bzip2("a") + bzip2("b") + bzip2("")), "ab");
    const std::string second = bzip2("b");
    for (std::size_t size = 1; size < second.size(); ++size)
        EXPECT_EQ(thrown_kind([&] { unpack_bzip2(bzip2("a") + second.substr(0, size)); }), ErrorKind::invalid)
            << size;
}

// An empty stream costs 14 bytes, and must not cost more than a moment.
TEST(Unbzip2, ManyEmptyStreams) {
    const std::string empty = bzip2("");
    std::string packed;
    for (int i = 0; i < 20'000; ++i) packed += empty;
    EXPECT_EQ(unpack_bzip2(packed + bzip2("end")), "end");
}

}  // namespace
}  // namespace osb::test
