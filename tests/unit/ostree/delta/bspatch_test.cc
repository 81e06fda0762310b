// Patches of bsdiff, written by hand.
#include "ostree/delta/bspatch.hh"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/thrown_kind.hh"

namespace osb::test {
namespace {

std::string number(std::int64_t value) {
    const bool negative = value < 0;
    auto magnitude = static_cast<std::uint64_t>(negative ? -value : value);
    std::string out;
    for (int i = 0; i < 8; ++i, magnitude >>= 8U) out += static_cast<char>(magnitude & 0xffU);
    if (negative) out[7] = static_cast<char>(out[7] | '\x80');
    return out;
}

std::string block(std::int64_t add, std::int64_t copy, std::int64_t jump, const std::string& bytes) {
    return number(add) + number(copy) + number(jump) + bytes;
}

std::string patched(const std::string& old, const std::string& patch, std::uint64_t size) {
    const auto source = ostree::apply_patch(std::make_shared<ostree::BaseObject>(old), as_bytes(patch), size);
    return read_all(*source, 1000, "the new content");
}

std::string zeros(std::size_t count) {
    return std::string(count, '\0');
}

TEST(BsPatch, AddsAndCopies) {
    // "abcdef" gives "abXYef!": two bytes kept, two new, two kept after a jump, one new.
    const std::string patch = block(2, 2, 2, zeros(2) + "XY") + block(2, 1, 0, zeros(2) + "!");
    EXPECT_EQ(patched("abcdef", patch, 7), "abXYef!");
}

TEST(BsPatch, AddsBytesModulo256) {
    EXPECT_EQ(patched("a\xff", block(2, 0, 0, "\x01\x02"), 2), "b\x01");
}

TEST(BsPatch, JumpsBackwards) {
    EXPECT_EQ(patched("ab", block(2, 0, -2, zeros(2)) + block(2, 0, 0, zeros(2)), 4), "abab");
}

TEST(BsPatch, BytesOutsideTheOldContentCountAsZero) {
    EXPECT_EQ(patched("a", block(0, 0, -1, "") + block(3, 0, 0, std::string("x\0y", 3)), 3), "xay");
}

TEST(BsPatch, MalformedPatchesAreRefused) {
    const std::string far = block(0, 0, std::int64_t{1} << 60U, "");
    for (const std::string& patch :
         {std::string(), std::string("short"), block(-1, 0, 0, ""), block(0, -1, 0, ""), block(2, 0, 0, "x"),
          block(5, 0, 0, "xxxxx"), block(1, 3, 0, "xxxx"), far + far, block(1, 0, 0, "x")}) {
        EXPECT_EQ(thrown_kind([&] { patched("ab", patch, 3); }), ErrorKind::invalid) << patch.size();
    }
}

}  // namespace
}  // namespace osb::test
