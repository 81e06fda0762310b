#include "registry/trust/signing_key.hh"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/hash.hh"

namespace osb::registry {
namespace {

struct BioFree {
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
struct KeyFree {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
struct DigestFree {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using Bio = std::unique_ptr<BIO, BioFree>;
using Key = std::unique_ptr<EVP_PKEY, KeyFree>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, DigestFree>;

constexpr int kLeastRsaBits = 2048;
constexpr std::size_t kEd25519Bytes = 32;

Bio memory_of(std::string_view text) {
    if (text.size() > INT_MAX) throw Error(ErrorKind::too_large, "a key of more than 2 GiB");
    Bio out(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    if (!out) throw std::bad_alloc();
    return out;
}

DigestContext new_digest() {
    DigestContext out(EVP_MD_CTX_new());
    if (!out) throw std::bad_alloc();
    return out;
}

const unsigned char* unsigned_bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());  // NOLINT: char aliases
}

// Ed25519 has its own hash.
const EVP_MD* hash_for(const EVP_PKEY* key) {
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
}

void check_kind(const EVP_PKEY* key, const std::string& what) {
    const int kind = EVP_PKEY_get_base_id(key);
    if (kind == EVP_PKEY_EC || kind == EVP_PKEY_ED25519) return;
    if (kind == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) >= kLeastRsaBits) return;
    throw Error(ErrorKind::unsupported,
                concat(what, ": only EC keys, Ed25519 keys and RSA keys of 2048 bits or more are supported"));
}

struct Passphrase {
    const std::string& text;
    bool asked = false;
};

// Gives libcrypto the passphrase; without one it would ask on the terminal.
int give_passphrase(char* buffer, int size, int /*writing*/, void* data) {
    auto& passphrase = *static_cast<Passphrase*>(data);
    passphrase.asked = true;
    if (passphrase.text.empty() || passphrase.text.size() > static_cast<std::size_t>(size)) return -1;
    // libcrypto takes the length, not a zero byte.
    std::copy(passphrase.text.begin(), passphrase.text.end(), buffer);
    return static_cast<int>(passphrase.text.size());
}

}  // namespace

struct PublicKey::Handle {
    Key key;
};

PublicKey PublicKey::parse(std::string_view pem, const std::string& what) {
    const Bio bio = memory_of(pem);
    Key key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
    ERR_clear_error();
    if (!key) throw Error(ErrorKind::invalid, concat(what, " is not a public key in PEM"));
    check_kind(key.get(), what);
    return PublicKey(std::make_shared<const Handle>(Handle{std::move(key)}));
}

PublicKey PublicKey::from_ed25519(std::string_view bytes, const std::string& what) {
    Key key;
    if (bytes.size() == kEd25519Bytes)
        key.reset(
            EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, unsigned_bytes(bytes), bytes.size()));
    ERR_clear_error();
    if (!key) throw Error(ErrorKind::invalid, concat(what, " is not an Ed25519 public key of 32 bytes"));
    return PublicKey(std::make_shared<const Handle>(Handle{std::move(key)}));
}

std::optional<std::string> PublicKey::ed25519_bytes() const {
    EVP_PKEY* const key = handle_->key.get();
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) return std::nullopt;
    std::string out(kEd25519Bytes, '\0');
    std::size_t size = out.size();
    auto* const bytes = reinterpret_cast<unsigned char*>(out.data());  // NOLINT: char aliases
    if (EVP_PKEY_get_raw_public_key(key, bytes, &size) != 1 || size != out.size())
        throw Error(ErrorKind::internal, "cannot encode a public key");
    return out;
}

bool PublicKey::verifies(std::string_view bytes, std::string_view signature) const {
    const DigestContext context = new_digest();
    EVP_PKEY* const key = handle_->key.get();
    const bool ok = EVP_DigestVerifyInit(context.get(), nullptr, hash_for(key), nullptr, key) == 1 &&
                    EVP_DigestVerify(context.get(), unsigned_bytes(signature), signature.size(),
                                     unsigned_bytes(bytes), bytes.size()) == 1;
    ERR_clear_error();
    return ok;
}

std::string PublicKey::fingerprint() const {
    unsigned char* der = nullptr;
    const int length = i2d_PUBKEY(handle_->key.get(), &der);
    if (length <= 0) throw Error(ErrorKind::internal, "cannot encode a public key");
    const Sha256 digest = sha256({der, static_cast<std::size_t>(length)});
    OPENSSL_free(der);
    return to_hex(digest);
}

PrivateKey PrivateKey::parse(std::string_view pem, const std::string& passphrase, const std::string& what) {
    for (const char* kind : {"ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"}) {
        if (pem.find(concat("-----BEGIN ", kind)) == std::string_view::npos) continue;
        throw Error(ErrorKind::unsupported, concat(what, ": cosign's own key format is not supported"))
            .hint("make a key with 'openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256'");
    }
    Passphrase given{.text = passphrase};
    const Bio bio = memory_of(pem);
    Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &give_passphrase, &given));
    ERR_clear_error();
    if (!key && given.asked) {
        throw Error(ErrorKind::untrusted, concat(what, passphrase.empty() ? ": the key has a passphrase"
                                                                          : ": the passphrase is wrong"))
            .hint("--passphrase-file FILE names a file with it");
    }
    if (!key) throw Error(ErrorKind::invalid, concat(what, " is not a private key in PEM"));
    check_kind(key.get(), what);
    return PrivateKey(std::make_shared<const PublicKey::Handle>(PublicKey::Handle{std::move(key)}));
}

PrivateKey PrivateKey::from_ed25519(std::string_view bytes, const std::string& what) {
    Key key;
    if (bytes.size() == 2 * kEd25519Bytes) {
        key.reset(
            EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, unsigned_bytes(bytes), kEd25519Bytes));
    }
    ERR_clear_error();
    if (!key) throw Error(ErrorKind::invalid, concat(what, " is not an Ed25519 private key of 64 bytes"));
    PrivateKey out(std::make_shared<const PublicKey::Handle>(PublicKey::Handle{std::move(key)}));
    if (out.public_key().ed25519_bytes() != bytes.substr(kEd25519Bytes))
        throw Error(ErrorKind::invalid,
                    concat(what, ": the public key in it belongs to another private key"));
    return out;
}

std::string PrivateKey::sign(std::string_view bytes) const {
    const DigestContext context = new_digest();
    EVP_PKEY* const key = handle_->key.get();
    std::size_t size = 0;
    bool ok = EVP_DigestSignInit(context.get(), nullptr, hash_for(key), nullptr, key) == 1 &&
              EVP_DigestSign(context.get(), nullptr, &size, unsigned_bytes(bytes), bytes.size()) == 1;
    std::string out(size, '\0');
    ok = ok && EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()),  // NOLINT
                              &size, unsigned_bytes(bytes), bytes.size()) == 1;
    ERR_clear_error();
    if (!ok) throw Error(ErrorKind::internal, "cannot sign with this key");
    out.resize(size);
    return out;
}

PublicKey PrivateKey::public_key() const {
    return PublicKey(handle_);
}

}  // namespace osb::registry
