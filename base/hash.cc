#include "base/hash.hh"

#include <openssl/evp.h>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb {
namespace {

struct ContextDeleter {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, ContextDeleter>;

// EVP_sha256() makes OpenSSL 3 look up its provider on each init, under a lock. EVP_MD_fetch() looks it up
// once.
const EVP_MD* fetched(HashAlgorithm algorithm) {
    static const EVP_MD* const sha256_md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    static const EVP_MD* const sha512_md = EVP_MD_fetch(nullptr, "SHA512", nullptr);
    return algorithm == HashAlgorithm::sha256 ? sha256_md : sha512_md;
}

void check(int result) {
    if (result != 1) throw Error(ErrorKind::internal, "OpenSSL failed to compute a digest");
}

std::uint8_t hex_value(char c) {
    if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
    throw Error(ErrorKind::invalid, "not a lower-case hexadecimal digit");
}

}  // namespace

struct Hasher::Impl {
    Context context;
    const EVP_MD* md = nullptr;
};

Hasher::Hasher(HashAlgorithm algorithm) : impl_(std::make_unique<Impl>()) {
    impl_->context.reset(EVP_MD_CTX_new());
    impl_->md = fetched(algorithm);
    if (impl_->context == nullptr || impl_->md == nullptr) {
        throw Error(ErrorKind::internal, "OpenSSL offers no SHA-2");
    }
    reset();
}

Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::reset() {
    check(EVP_DigestInit_ex2(impl_->context.get(), impl_->md, nullptr));
}

void Hasher::update(ByteView bytes) {
    check(EVP_DigestUpdate(impl_->context.get(), bytes.data(), bytes.size()));
}

std::string Hasher::finish_hex() {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> out{};
    unsigned int length = 0;
    check(EVP_DigestFinal_ex(impl_->context.get(), out.data(), &length));
    return to_hex(ByteView(out).first(length));
}

Sha256 Hasher::finish_sha256() {
    if (EVP_MD_get_size(impl_->md) != 32) throw Error(ErrorKind::internal, "not a sha256 hasher");
    Sha256 out{};
    unsigned int length = 0;
    check(EVP_DigestFinal_ex(impl_->context.get(), out.data(), &length));
    return out;
}

std::string to_hex(ByteView bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const std::uint8_t byte : bytes) {
        out += kDigits[byte >> 4U];
        out += kDigits[byte & 0xFU];
    }
    return out;
}

Sha256 parse_sha256(std::string_view hex) {
    Sha256 out{};
    if (hex.size() != 2 * out.size()) {
        throw Error(ErrorKind::invalid, concat("not a sha256 of 64 digits: ", quoted(hex)));
    }
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = static_cast<std::uint8_t>((hex_value(hex[2 * i]) << 4U) | hex_value(hex[2 * i + 1]));
    }
    return out;
}

Sha256 sha256(ByteView bytes) {
    Hasher hasher;
    hasher.update(bytes);
    return hasher.finish_sha256();
}

}  // namespace osb
