#include "base/hash.hh"

#include <gtest/gtest.h>

#include "base/error.hh"

namespace osb {
namespace {

constexpr std::string_view kAbc256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr std::string_view kAbc512 =
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

TEST(Hasher, KnownAnswers) {
    Hasher narrow;
    narrow.update("abc");
    EXPECT_EQ(narrow.finish_hex(), kAbc256);
    Hasher wide(HashAlgorithm::sha512);
    wide.update("abc");
    EXPECT_EQ(wide.finish_hex(), kAbc512);
    EXPECT_EQ(to_hex(sha256(as_bytes("abc"))), kAbc256);
}

TEST(Hasher, PiecesAndReset) {
    Hasher hasher;
    hasher.update("something else");
    hasher.reset();
    hasher.update("a");
    hasher.update("");
    hasher.update("bc");
    EXPECT_EQ(to_hex(hasher.finish_sha256()), kAbc256);
    hasher.reset();
    EXPECT_EQ(hasher.finish_hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    Hasher moved(std::move(hasher));
    moved.reset();
    moved.update("abc");
    EXPECT_EQ(moved.finish_hex(), kAbc256);
}

TEST(Hasher, Sha512IsNoSha256) {
    Hasher wide(HashAlgorithm::sha512);
    EXPECT_THROW(wide.finish_sha256(), Error);
}

TEST(ParseSha256, RoundTrip) {
    EXPECT_EQ(to_hex(parse_sha256(kAbc256)), kAbc256);
}

TEST(ParseSha256, RefusesWhatIsNone) {
    const std::string good(kAbc256);
    for (const std::string& bad : {std::string(), good.substr(1), good + "0", "g" + good.substr(1),
                                   "B" + good.substr(1), " " + good.substr(1), std::string(64, '\0')}) {
        try {
            parse_sha256(bad);
            ADD_FAILURE() << bad;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::invalid);
        }
    }
}

TEST(ToHex, Digits) {
    const std::array<std::uint8_t, 3> bytes{0x00, 0x9f, 0xff};
    EXPECT_EQ(to_hex(bytes), "009fff");
    EXPECT_EQ(to_hex({}), "");
}

}  // namespace
}  // namespace osb
