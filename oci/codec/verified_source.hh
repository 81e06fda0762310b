// Bytes that are checked as they are used: the digest of what was read, not of what lay on the disk before.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.hh"
#include "base/stream.hh"
#include "oci/documents/digest.hh"

namespace osb::oci {

// Passes a stream through, hashes it, and fails at its end when it is not what was promised. It never yields
// more than `size` bytes. The end must be reached for the check to happen: call finish().
class VerifiedSource final : public Source {
  public:
    // size: nothing when it is not known beforehand.
    VerifiedSource(std::unique_ptr<Source> inner, Digest expected, std::optional<std::uint64_t> size);

    // Throws Error{digest_mismatch} when the stream is longer or shorter than the size or, at the end, has
    // another digest; and again whenever it is called after that.
    std::size_t read(MutableBytes buffer) override;

    // Reads what is left (at most to size) and checks. To be called once after the last read; throws as
    // read() does.
    void finish();

    std::uint64_t bytes_read() const noexcept { return count_; }

  private:
    void check_end();
    [[noreturn]] void fail(const std::string& problem);

    std::unique_ptr<Source> inner_;
    Digest expected_;
    std::optional<std::uint64_t> size_;
    Hasher hasher_;
    std::uint64_t count_ = 0;
    bool ended_ = false;
    std::optional<Error> failure_;
};

}  // namespace osb::oci
