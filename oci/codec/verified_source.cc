#include "oci/codec/verified_source.hh"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/error.hh"

namespace osb::oci {

VerifiedSource::VerifiedSource(std::unique_ptr<Source> inner, Digest expected,
                               std::optional<std::uint64_t> size)
    : inner_(std::move(inner)), expected_(std::move(expected)), size_(size), hasher_(expected_.algorithm()) {}

void VerifiedSource::fail(const std::string& problem) {
    failure_.emplace(ErrorKind::digest_mismatch, concat(expected_.to_string(), ": ", problem));
    throw Error(*failure_);
}

std::size_t VerifiedSource::read(MutableBytes buffer) {
    // A reader that continues after a failure must not see a normal end of the stream.
    if (failure_) throw Error(*failure_);
    if (ended_) return 0;
    if (size_ && count_ == *size_) {
        std::array<std::uint8_t, 1> probe{};
        if (inner_->read(probe) != 0) fail(concat("expected ", *size_, " bytes, got more"));
        check_end();
        return 0;
    }
    const std::uint64_t want =
        size_ ? std::min<std::uint64_t>(buffer.size(), *size_ - count_) : buffer.size();
    const std::size_t n = inner_->read(buffer.first(static_cast<std::size_t>(want)));
    if (n == 0) {
        check_end();
        return 0;
    }
    hasher_.update(ByteView(buffer).first(n));
    count_ += n;
    return n;
}

void VerifiedSource::finish() {
    constexpr std::size_t kBuffer = 64UL * 1024;
    if (failure_) throw Error(*failure_);
    if (ended_) return;
    std::vector<std::uint8_t> buffer(kBuffer);
    while (read(buffer) != 0) {
    }
}

void VerifiedSource::check_end() {
    if (size_ && count_ != *size_) fail(concat("expected ", *size_, " bytes, got ", count_));
    const std::string got = hasher_.finish_hex();
    if (got != expected_.hex())
        fail(concat("the content has the digest ", expected_.algorithm_name(), ':', got));
    ended_ = true;
}

}  // namespace osb::oci
