#include "base/base64.hh"

#include <gtest/gtest.h>

#include <utility>

namespace osb {
namespace {

TEST(Base64, KnownVectors) {
    const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                           {"f", "Zg=="},
                                                           {"fo", "Zm8="},
                                                           {"foo", "Zm9v"},
                                                           {"foob", "Zm9vYg=="},
                                                           {"fooba", "Zm9vYmE="},
                                                           {"foobar", "Zm9vYmFy"},
                                                           {"user:pass", "dXNlcjpwYXNz"},
                                                           {"\xFB\xFF\xFE", "+//+"}};
    for (const auto& [plain, encoded] : vectors) {
        EXPECT_EQ(encode_base64(std::string_view(plain)), encoded);
        EXPECT_EQ(decode_base64(encoded), plain);
        EXPECT_EQ(decode_unpadded_base64(encoded), plain);
    }
    std::string out = "x";
    append_base64(out, as_bytes(std::string_view("\0\1", 2)));
    EXPECT_EQ(out, "xAAE=");
}

TEST(Base64, RefusesWhatIsNotCanonical) {
    for (const char* bad : {"Z", "Zg", "Zg=", "Zg==Zg==", "Zh==", "Zm9=", "====", "Z===", "Zm9v\n", "Zm-v",
                            "=m9v", "Zm=v", "YQ=\n", "Y-=="}) {
        EXPECT_EQ(decode_base64(bad), std::nullopt) << bad;
    }
}

TEST(Base64, WithoutPaddingAsLibarchiveReadsIt) {
    EXPECT_EQ(decode_unpadded_base64("Zg"), "f");
    EXPECT_EQ(decode_unpadded_base64("Zm8"), "fo");
    EXPECT_EQ(decode_unpadded_base64("Zh=="), "f");
    for (const char* bad : {"A", "AAAAA", "A===", "AA=A", "A A A", "AAAA\n", "====", "=", "AA-_"}) {
        EXPECT_EQ(decode_unpadded_base64(bad), std::nullopt) << bad;
    }
}

}  // namespace
}  // namespace osb
