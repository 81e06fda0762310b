#include "base/random.hh"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace osb {
namespace {

TEST(Random, FillsAllOfIt) {
    fill_random({});
    // More than one call of the kernel's gives when a signal comes (256 bytes); zeros would stay visible.
    std::vector<std::uint8_t> bytes(4096);
    fill_random(bytes);
    EXPECT_GT(std::set<std::uint8_t>(bytes.begin(), bytes.end()).size(), 200U);
    EXPECT_NE(std::set<std::uint8_t>(bytes.end() - 64, bytes.end()).size(), 1U);
    std::vector<std::uint8_t> more(bytes.size());
    fill_random(more);
    EXPECT_NE(more, bytes);
}

TEST(Random, Names) {
    const std::string name = random_hex(8);
    EXPECT_EQ(name.size(), 16U);
    EXPECT_EQ(name.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_NE(name, random_hex(8));
}

}  // namespace
}  // namespace osb
