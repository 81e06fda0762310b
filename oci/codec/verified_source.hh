// Verification of content while it is read, so that no other process can change it between check and use.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.hh"
#include "base/stream.hh"
#include "oci/documents/digest.hh"

namespace osb::oci {

// Passes a stream through, hashes it, and fails at the end if size or digest do not match. It never returns
// more than `size` bytes. Only the end of the stream triggers the check: call finish().
class VerifiedSource final : public Source {
  public:
    // size: nullopt if it is not known in advance.
    VerifiedSource(std::unique_ptr<Source> inner, Digest expected, std::optional<std::uint64_t> size);

    // Throws Error{digest_mismatch} if the stream is longer or shorter than `size`, or if the digest at the
    // end does not match. Every later call throws the same error.
    std::size_t read(MutableBytes buffer) override;

    // Reads the rest (at most up to `size`) and checks it. Call it once, after the last read(). Throws as
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
