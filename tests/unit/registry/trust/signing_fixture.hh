// A key, and signatures in the forms that cosign makes, for tests.
#pragma once

#include <string>

#include "base/base64.hh"
#include "base/bytes.hh"
#include "oci/documents/digest.hh"
#include "registry/trust/image_signature.hh"
#include "registry/trust/signing_key.hh"

namespace osb::test {

// Made with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`, for these tests.
inline constexpr const char* kPrivateKey = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg02QLkiz7lFFwRvgW
Aj6HvLD02F/LNanl6/qawcTDRpyhRANCAARAFx7GCNsXb6JrSZaMsVIPMuve5yZ4
SkesDg7CXne9cwQkoJmaw1TzlXqweAtiO55Aj/68nrf1/SzWR86c0Xi1
-----END PRIVATE KEY-----
)";
inline constexpr const char* kPublicKey = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQBcexgjbF2+ia0mWjLFSDzLr3ucm
eEpHrA4Owl53vXMEJKCZmsNU85V6sHgLYjueQI/+vJ639f0s1kfOnNF4tQ==
-----END PUBLIC KEY-----
)";

inline registry::PrivateKey signing_key() {
    return registry::PrivateKey::parse(kPrivateKey, "", "key");
}
inline registry::PublicKey public_key() {
    return registry::PublicKey::parse(kPublicKey, "key");
}

// A statement about the digest as `cosign sign` writes it; `more` are further members of the subject.
inline std::string statement_of(const oci::Digest& digest, const std::string& more = "",
                                const std::string& predicate = "https://sigstore.dev/cosign/sign/v1") {
    return R"({"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":")" + digest.hex() +
           "\"}" + more + R"(}],"predicateType":")" + predicate + R"(","predicate":{}})";
}

// A bundle with this content, which is a member and its value.
inline std::string bundle_with(const std::string& content,
                               const std::string& type = "application/vnd.dev.sigstore.bundle.v0.3+json") {
    return R"({"mediaType":")" + type + R"(","verificationMaterial":{"publicKey":{"hint":"x"}},)" + content +
           "}";
}

inline std::string envelope_with(const std::string& payload, const std::string& signature,
                                 const std::string& type = "application/vnd.in-toto+json") {
    return R"("dsseEnvelope":{"payload":")" + encode_base64(payload) + R"(","payloadType":")" + type +
           R"(","signatures":[{"sig":")" + encode_base64(signature) + R"("}]})";
}

// A bundle with the statement, signed by signing_key().
inline std::string signed_bundle(const std::string& statement) {
    return bundle_with(envelope_with(statement, signing_key().sign(registry::pre_authentication_encoding(
                                                    "application/vnd.in-toto+json", statement))));
}

}  // namespace osb::test
