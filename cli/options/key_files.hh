// Files with keys, as options name them.
#pragma once

#include <string>

#include "registry/trust/signing_key.hh"

namespace osb::cli {

// Reads a private key. `passphrase_file`: a file whose first line is its passphrase, "" for none. Throws
// Error: not_found for a missing file; as registry::PrivateKey::parse().
registry::PrivateKey read_private_key(const std::string& file, const std::string& passphrase_file);

// Throws Error: not_found for a missing file; as registry::PublicKey::parse().
registry::PublicKey read_public_key(const std::string& file);

}  // namespace osb::cli
