// Keys that sign images and verify signatures, in PEM. The signature is over SHA-256 of the signed bytes:
// ECDSA in ASN.1 DER, RSA in PKCS #1 v1.5; Ed25519 signs the bytes themselves. So do cosign and
// containers/image.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace osb::registry {

// A public key. Thread-safe.
class PublicKey {
  public:
    // Parses SubjectPublicKeyInfo ("BEGIN PUBLIC KEY"). `what` names the file in errors. Throws Error:
    // invalid for other text; unsupported for a key of another kind than EC, RSA (2048 bits or more) and
    // Ed25519.
    static PublicKey parse(std::string_view pem, const std::string& what);
    // Takes a raw Ed25519 key (RFC 8032, section 5.1.5). Throws Error{invalid} if it does not have 32 bytes.
    static PublicKey from_ed25519(std::string_view bytes, const std::string& what);

    // The raw key if its kind is Ed25519; nullopt for other kinds.
    std::optional<std::string> ed25519_bytes() const;
    // True if `signature` (binary) is a signature of `bytes` by this key.
    bool verifies(std::string_view bytes, std::string_view signature) const;
    // SHA-256 of the key in DER, in hexadecimal digits: a name for messages.
    std::string fingerprint() const;

  private:
    struct Handle;
    explicit PublicKey(std::shared_ptr<const Handle> handle) : handle_(std::move(handle)) {}
    friend class PrivateKey;
    std::shared_ptr<const Handle> handle_;
};

// A private key. Thread-safe.
class PrivateKey {
  public:
    // Parses PKCS #8, encrypted or not, or the traditional forms of EC and RSA. Throws Error: invalid for
    // other text; untrusted for a wrong or missing passphrase; unsupported as PublicKey, and for the keys
    // that cosign encrypts in its own format.
    static PrivateKey parse(std::string_view pem, const std::string& passphrase, const std::string& what);
    // Takes a raw Ed25519 key as libsodium and ostree store it: the private key, then the public key, 32
    // bytes each. Throws Error{invalid} for another length, or if the two do not belong together.
    static PrivateKey from_ed25519(std::string_view bytes, const std::string& what);

    std::string sign(std::string_view bytes) const;
    PublicKey public_key() const;

  private:
    explicit PrivateKey(std::shared_ptr<const PublicKey::Handle> handle) : handle_(std::move(handle)) {}
    std::shared_ptr<const PublicKey::Handle> handle_;
};

}  // namespace osb::registry
