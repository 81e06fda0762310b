// Files with keys, as options name them.
#pragma once

#include <string>

#include "registry/trust/signing_key.hh"

namespace osb::cli {

// Reads a private key. `passphrase_file`: a file whose first line is its passphrase, "" for none. Throws
// Error: not_found for a missing file; as registry::PrivateKey::parse().
registry::PrivateKey read_private_key(const std::string& file, const std::string& passphrase_file);

// Reads an Ed25519 key that signs commits: in PEM, or 64 bytes in Base64, as ostree and libsodium store it.
// Throws likewise.
registry::PrivateKey read_commit_key(const std::string& file, const std::string& passphrase_file);

// Throws Error: not_found for a missing file; as registry::PublicKey::parse().
registry::PublicKey read_public_key(const std::string& file);

}  // namespace osb::cli
