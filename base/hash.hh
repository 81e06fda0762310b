// SHA-2 digests of byte streams, through OpenSSL, which uses the SHA instructions of the CPU.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "base/bytes.hh"

namespace osb {

enum class HashAlgorithm { sha256, sha512 };

using Sha256 = std::array<std::uint8_t, 32>;

// For unordered containers with digests as keys: a digest is itself a good hash.
struct Sha256Hash {
    std::size_t operator()(const Sha256& digest) const noexcept {
        std::size_t out = 0;
        std::memcpy(&out, digest.data(), sizeof out);
        return out;
    }
};

// Encodes as lower-case hexadecimal.
std::string to_hex(ByteView bytes);

// Decodes exactly 64 lower-case hexadecimal digits. Throws Error{invalid} for anything else.
Sha256 parse_sha256(std::string_view hex);

// An incremental hash. Call one finish function once after construction or reset(). reset() starts a new hash
// and is cheaper than a new object.
class Hasher {
  public:
    explicit Hasher(HashAlgorithm algorithm = HashAlgorithm::sha256);
    Hasher(Hasher&&) noexcept;
    Hasher& operator=(Hasher&&) noexcept;
    Hasher(const Hasher&) = delete;
    Hasher& operator=(const Hasher&) = delete;
    ~Hasher();

    void reset();
    void update(ByteView bytes);
    void update(std::string_view text) { update(as_bytes(text)); }

    // The digest as lower-case hexadecimal (64 or 128 digits).
    std::string finish_hex();
    // The digest as bytes. Throws Error{internal} unless the algorithm is sha256.
    Sha256 finish_sha256();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Computes the SHA-256 of `bytes`.
Sha256 sha256(ByteView bytes);

}  // namespace osb
