#include "base/byte_order.hh"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/bytes.hh"

namespace osb {
namespace {

using namespace std::string_view_literals;

constexpr std::array<std::uint8_t, 8> kBytes{0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF};

// In constant expressions, too.
static_assert(from_little_endian(kBytes) == 0xEFCDAB8967452301);
static_assert(from_big_endian(kBytes) == 0x0123456789ABCDEF);
static_assert(load_little_endian(kBytes.data()) == 0xEFCDAB8967452301);
static_assert(from_little_endian("\x01\xFF"sv) == 0xFF01);
static_assert(to_big_endian<8>(0x0123456789ABCDEF) == kBytes);
static_assert(to_little_endian<2>(0x123456) == std::array<std::uint8_t, 2>{0x56, 0x34});

TEST(ByteOrder, NumbersOfAnySize) {
    for (std::size_t size = 0; size <= 8; ++size) {
        const std::uint64_t mask = size == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * size)) - 1;
        const std::uint64_t value = 0xFEDCBA9876543210 & mask;
        std::string little;
        append_little_endian(little, value, size);
        std::string big;
        append_big_endian(big, value, size);
        ASSERT_EQ(little.size(), size);
        EXPECT_EQ(from_little_endian(little), value);
        EXPECT_EQ(from_big_endian(as_bytes(big)), value);
        EXPECT_TRUE(std::equal(little.begin(), little.end(), big.rbegin(), big.rend()));
    }
}

TEST(ByteOrder, PutsTheLowestBytesInPlace) {
    std::string text = "abcdef";
    put_little_endian(std::span(text).subspan(1, 3), 0x7A00797877);
    EXPECT_EQ(text, "awxyef");
}

}  // namespace
}  // namespace osb
