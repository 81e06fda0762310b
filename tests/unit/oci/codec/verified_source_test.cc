#include "oci/codec/verified_source.hh"

#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/oci/layout_builder.hh"

namespace osb::oci {
namespace {

// Yields one byte at a time, then zeros for ever where that is asked for.
class DribblingSource final : public Source {
  public:
    DribblingSource(std::string content, bool endless) : content_(std::move(content)), endless_(endless) {}
    std::size_t read(MutableBytes buffer) override {
        if (position_ == content_.size() && !endless_) return 0;
        buffer[0] = position_ < content_.size() ? static_cast<std::uint8_t>(content_[position_]) : 0;
        ++position_;
        return 1;
    }

  private:
    std::string content_;
    bool endless_;
    std::size_t position_ = 0;
};

VerifiedSource make(const std::string& content, const std::string& promised,
                    std::optional<std::uint64_t> size, HashAlgorithm algorithm = HashAlgorithm::sha256,
                    bool endless = false) {
    return {std::make_unique<DribblingSource>(content, endless), Digest::of(as_bytes(promised), algorithm),
            size};
}

TEST(VerifiedSource, PassesWhatWasPromised) {
    for (const auto algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha512}) {
        for (const std::optional<std::uint64_t> size :
             {std::optional<std::uint64_t>(5), std::optional<std::uint64_t>()}) {
            VerifiedSource source = make("hello", "hello", size, algorithm);
            EXPECT_EQ(read_all(source, 100, "x"), "hello");
            EXPECT_EQ(source.bytes_read(), 5U);
            EXPECT_NO_THROW(source.finish());
        }
    }
    VerifiedSource empty = make("", "", 0);
    EXPECT_EQ(read_all(empty, 100, "x"), "");
}

TEST(VerifiedSource, FinishReadsTheRest) {
    VerifiedSource source = make("hello", "hello", 5);
    std::vector<std::uint8_t> buffer(2);
    EXPECT_EQ(source.read(buffer), 1U);
    source.finish();
    EXPECT_EQ(source.bytes_read(), 5U);
    EXPECT_EQ(source.read(buffer), 0U);
}

TEST(VerifiedSource, FailsOnOtherContent) {
    VerifiedSource source = make("hellO", "hello", 5);
    const Error error = expect_error(ErrorKind::digest_mismatch, [&] { source.finish(); });
    EXPECT_NE(error.message().find(Digest::of(as_bytes("hello")).to_string()), std::string::npos);
    EXPECT_NE(error.message().find(Digest::of(as_bytes("hellO")).hex()), std::string::npos);
    VerifiedSource unsized = make("hellO", "hello", std::nullopt);
    expect_error(ErrorKind::digest_mismatch, [&] { unsized.finish(); });
}

TEST(VerifiedSource, FailsOnAnotherSize) {
    VerifiedSource shorter = make("hell", "hello", 5);
    const Error error = expect_error(ErrorKind::digest_mismatch, [&] { shorter.finish(); });
    EXPECT_NE(error.message().find("expected 5 bytes, got 4"), std::string::npos) << error.message();
    VerifiedSource longer = make("hello!", "hello", 5);
    expect_error(ErrorKind::digest_mismatch, [&] { longer.finish(); });
    VerifiedSource none = make("x", "", 0);
    expect_error(ErrorKind::digest_mismatch, [&] { none.finish(); });
}

TEST(VerifiedSource, NeverYieldsMoreThanTheSize) {
    VerifiedSource source = make("hello", "hello", 5, HashAlgorithm::sha256, true);
    std::vector<std::uint8_t> buffer(64);
    std::size_t total = 0;
    expect_error(ErrorKind::digest_mismatch, [&] {
        while (const std::size_t n = source.read(buffer)) total += n;
    });
    EXPECT_EQ(total, 5U);
}

// A failure that was swallowed must not turn into a good end.
TEST(VerifiedSource, FailsAgainAfterAFailure) {
    VerifiedSource source = make("hell", "hello", 5);
    std::vector<std::uint8_t> buffer(64);
    expect_error(ErrorKind::digest_mismatch, [&] { source.finish(); });
    expect_error(ErrorKind::digest_mismatch, [&] { source.read(buffer); });
    expect_error(ErrorKind::digest_mismatch, [&] { source.finish(); });
}

}  // namespace
}  // namespace osb::oci
