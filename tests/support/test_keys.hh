// Ed25519 keys for tests.
#pragma once

#include <string>

#include "base/base64.hh"
#include "base/bytes.hh"
#include "registry/trust/signing_key.hh"

namespace osb::test {

// The key whose private part is 32 bytes of the value `n`.
inline registry::PrivateKey ed25519_key(unsigned n) {
    // The head of such a key in PKCS #8 (RFC 8410, section 7).
    const std::string head("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 16);
    const std::string pem =
        concat("-----BEGIN PRIVATE KEY-----\n", encode_base64(head + std::string(32, static_cast<char>(n))),
               "\n-----END PRIVATE KEY-----\n");
    return registry::PrivateKey::parse(pem, "", "test key");
}

}  // namespace osb::test
