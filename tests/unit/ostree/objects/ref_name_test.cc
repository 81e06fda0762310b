#include "ostree/objects/ref_name.hh"

#include <gtest/gtest.h>

#include <string>

#include "base/bytes.hh"
#include "base/error.hh"

namespace osb::ostree {
namespace {

TEST(RefName, IsWhatOstreeTakes) {
    for (const char* text : {"os/x86_64/main", "r", "abc", "a-b.c_d", "ostree/container/image/x"}) {
        EXPECT_EQ(RefName::parse(text), text);
        EXPECT_EQ(concat("ref ", RefName::parse(text)), std::string("ref ") + text);
    }
    for (const std::string& text :
         {std::string(), std::string("../x"), std::string("a//b"), std::string("-x"), std::string("a b"),
          std::string("remote:os"), std::string("a^"), std::string("os/x\n"), std::string("os\0x", 4),
          std::string("2024"), std::string("deadbeef"), std::string("ostree/container/blob/x")}) {
        EXPECT_FALSE(RefName::try_parse(text)) << text;
        try {
            static_cast<void>(RefName::parse(text));
            ADD_FAILURE() << text;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage);
        }
    }
}

TEST(RefName, IsMadeOfAnyText) {
    EXPECT_EQ(RefName::escaped("ostree/container/blob/osb", "sha256:2c26"),
              "ostree/container/blob/osb/sha256_3A_2c26");
    EXPECT_EQ(RefName::escaped("a", "\x01 b/"), "a/_01__20_b_2F_");
    EXPECT_THROW(static_cast<void>(RefName::escaped("a", "")), Error);
    EXPECT_THROW(static_cast<void>(RefName::escaped("a", "b/-c")), Error);
}

}  // namespace
}  // namespace osb::ostree
