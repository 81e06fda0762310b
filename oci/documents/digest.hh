// Content digests, as defined in descriptor.md, "Digests", of the image specification.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/bytes.hh"
#include "base/hash.hh"

namespace osb::oci {

// "sha256:<64 hex>" or "sha512:<128 hex>". Always well formed, so it is safe in a path or URL.
class Digest {
  public:
    // Throws Error{invalid} if the text violates the grammar, the length or the lower case;
    // Error{unsupported} for an algorithm other than sha256 and sha512.
    static Digest parse(std::string_view text);
    // Computes the digest of `bytes`.
    static Digest of(ByteView bytes, HashAlgorithm algorithm = HashAlgorithm::sha256);
    // Makes a digest from the result of a Hasher.
    static Digest from_hex(HashAlgorithm algorithm, std::string hex);

    HashAlgorithm algorithm() const noexcept { return algorithm_; }
    // "sha256" or "sha512".
    std::string_view algorithm_name() const noexcept;
    const std::string& hex() const noexcept { return hex_; }
    // "sha256:..."
    std::string to_string() const;
    // "sha256:" and the first 12 digits, for messages.
    std::string short_string() const;

    // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 inside a defaulted <=> for a pointer
    auto operator<=>(const Digest&) const = default;

  private:
    Digest(HashAlgorithm algorithm, std::string hex) : algorithm_(algorithm), hex_(std::move(hex)) {}

    HashAlgorithm algorithm_;
    std::string hex_;
};

}  // namespace osb::oci
