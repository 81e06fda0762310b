#include "cli/options/image_limits.hh"

#include <gtest/gtest.h>

#include <string_view>

#include "base/error.hh"

namespace osb::cli {
namespace {

TEST(ImageLimitsOption, WhatIsNotNamedKeepsItsDefault) {
    const oci::ImageLimits defaults;
    EXPECT_EQ(parse_image_limits("x", "").max_entries, defaults.max_entries);
    const oci::ImageLimits some = parse_image_limits("x", "entries=5,memory=1G");
    EXPECT_EQ(some.max_entries, 5U);
    EXPECT_EQ(some.max_memory, 1U << 30U);
    EXPECT_EQ(some.free_bytes, defaults.free_bytes);
    EXPECT_EQ(some.max_ratio, defaults.max_ratio);
    EXPECT_EQ(some.max_steps, defaults.max_steps);
    const oci::ImageLimits others = parse_image_limits("x", "unpacked=2K,ratio=3,steps=4");
    EXPECT_EQ(others.free_bytes, 2048U);
    EXPECT_EQ(others.max_ratio, 3U);
    EXPECT_EQ(others.max_steps, 4U);
}

TEST(ImageLimitsOption, MistakesAreNamed) {
    for (const std::string_view text :
         {"entries", "entries=", "entries=0", "entries=-1", "entries=1x", "entries=99999999999999999999",
          "files=1", "=1", "entries=1,entries=2", "memory=much", "memory=0", ",", "entries=1,,ratio=1",
          "Entries=1", "entries =1"}) {
        try {
            static_cast<void>(parse_image_limits("--limits", text));
            ADD_FAILURE() << text;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage) << text;
            EXPECT_EQ(std::string_view(error.message()).substr(0, 10), "--limits: ") << text;
        }
    }
}

}  // namespace
}  // namespace osb::cli
