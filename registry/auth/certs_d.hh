// Certificates for single registries: containers-certs.d(5).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "registry/http/http_client.hh"

namespace osb::registry {

// The directories that hold one of the name host[:port] for a registry, in their order, from the environment.
std::vector<std::string> certs_d_directories();

// What the first of the directories that has one for `host` (with its port, exactly as the reference has it)
// says:
// *.crt are trusted beside the system's certificates, NAME.cert and NAME.key are our own (the first pair in
// the order of names). Nothing in any: the system's certificates alone. Throws Error: a missing half, a file
// that cannot be read.
std::shared_ptr<const TlsOptions> load_certs_d(const std::string& host,
                                               const std::vector<std::string>& directories);

}  // namespace osb::registry
