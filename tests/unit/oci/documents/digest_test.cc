#include "oci/documents/digest.hh"

#include <gtest/gtest.h>

#include "tests/unit/oci/layout_builder.hh"

namespace osb::oci {
namespace {

const std::string kHex256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(Digest, ParsesWhatItPrints) {
    const Digest digest = Digest::parse("sha256:" + kHex256);
    EXPECT_EQ(digest.algorithm(), HashAlgorithm::sha256);
    EXPECT_EQ(digest.hex(), kHex256);
    EXPECT_EQ(digest.to_string(), "sha256:" + kHex256);
    EXPECT_EQ(digest.short_string(), "sha256:e3b0c44298fc");
    const Digest wide = Digest::parse("sha512:" + kHex256 + kHex256);
    EXPECT_EQ(wide.algorithm_name(), "sha512");
    EXPECT_EQ(wide.to_string(), "sha512:" + kHex256 + kHex256);
    EXPECT_NE(digest, wide);
}

TEST(Digest, OfBytes) {
    EXPECT_EQ(Digest::of({}).hex(), kHex256);
    EXPECT_EQ(Digest::of(as_bytes("abc"), HashAlgorithm::sha512).hex(),
              "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
              "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

// Row 72: nothing that could become a path or a URL.
TEST(Digest, RefusesWhatIsNone) {
    const std::vector<std::string> bad{
        "",
        ":",
        "sha256",
        "sha256:",
        kHex256,
        "sha256:../../../etc/passwd",
        "sha256:" + kHex256.substr(1),
        "sha256:" + kHex256 + "0",
        "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
        "SHA256:" + kHex256,
        " sha256:" + kHex256,
        "sha256:" + kHex256 + "\n",
        "sha256: " + kHex256.substr(1),
        std::string("sha256:") + '\0' + kHex256.substr(1),
        "sha256:" + kHex256.substr(1) + '\0',
        "sha512:" + kHex256,
        "../sha256:" + kHex256,
        "+sha256:" + kHex256,
        "sha256+:" + kHex256,
        "a..b:" + kHex256,
        "\x1b[2J:" + kHex256};
    for (const std::string& text : bad) {
        SCOPED_TRACE(text);
        expect_error(ErrorKind::invalid, [&text] { Digest::parse(text); });
    }
}

// Row 73: an algorithm that is not known is never skipped.
TEST(Digest, RefusesOtherAlgorithms) {
    for (const char* algorithm : {"blake3", "sha1", "md5", "sha384", "sha256+b64u", "x"}) {
        const Error error = expect_error(ErrorKind::unsupported,
                                         [algorithm] { Digest::parse(concat(algorithm, ':', kHex256)); });
        EXPECT_NE(error.message().find(algorithm), std::string::npos) << error.message();
    }
}

TEST(Digest, FromHexChecks) {
    expect_error(ErrorKind::invalid, [] { Digest::from_hex(HashAlgorithm::sha512, kHex256); });
    EXPECT_EQ(Digest::from_hex(HashAlgorithm::sha256, kHex256), Digest::of({}));
}

}  // namespace
}  // namespace osb::oci
