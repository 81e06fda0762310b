// xz streams, which the program xz made.
#include "oci/codec/unxz.hh"

#include <gtest/gtest.h>

#include <string>

#include "base/error.hh"
#include "tests/support/compress.hh"
#include "tests/support/thrown_kind.hh"

namespace osb::test {
namespace {

std::string unpack(const std::string& packed) {
    MemorySource source(as_bytes(packed));
    return read_all(*oci::unxz(source), 64UL << 20U, "the content");
}

TEST(Unxz, GivesTheContent) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += std::to_string(i * 7919);
    EXPECT_EQ(unpack(xz(text)), text);
    EXPECT_EQ(unpack(xz("")), "");
}

TEST(Unxz, EveryCutAndAnyMoreIsRefused) {
    const std::string packed = xz(std::string(10'000, 'x') + "tail");
    for (std::size_t size = 0; size < packed.size(); ++size)
        EXPECT_EQ(thrown_kind([&] { unpack(packed.substr(0, size)); }), ErrorKind::invalid) << size;
    EXPECT_EQ(thrown_kind([&] { unpack(packed + "x"); }), ErrorKind::invalid);
    EXPECT_EQ(thrown_kind([&] { unpack("no xz at all"); }), ErrorKind::invalid);
}

// Some bytes only say how much memory the decoder may use.
TEST(Unxz, ChangedBytesGiveNoOtherContent) {
    const std::string text = std::string(10'000, 'x') + "tail";
    std::string packed = xz(text);
    unsigned refused = 0;
    for (std::size_t at = 6; at < packed.size(); ++at) {
        packed[at] ^= 1;
        try {
            EXPECT_EQ(unpack(packed), text) << at;
        } catch (const Error&) {
            ++refused;
        }
        packed[at] ^= 1;
    }
    EXPECT_GT(refused, packed.size() / 2);
}

TEST(Unxz, FilesMayHaveSeveralStreamsAndPadding) {
    const auto unpack_file = [](const std::string& packed) {
        MemorySource source(as_bytes(packed));
        return read_all(*oci::unxz_file(source), 64UL << 20U, "the content");
    };
    const std::string padding(8, '\0');
    EXPECT_EQ(unpack_file(xz("a") + xz("b")), "ab");
    EXPECT_EQ(unpack_file(xz("a") + padding + xz("b") + padding), "ab");
    EXPECT_EQ(thrown_kind([&] { unpack_file(xz("a") + "x"); }), ErrorKind::invalid);
    EXPECT_EQ(thrown_kind([&] { unpack_file(xz("a") + padding.substr(1)); }), ErrorKind::invalid);
    EXPECT_EQ(thrown_kind([&] { unpack_file(xz("a") + xz("b").substr(0, 20)); }), ErrorKind::invalid);
}

}  // namespace
}  // namespace osb::test
