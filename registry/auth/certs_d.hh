// Certificates for individual registries: containers-certs.d(5).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "registry/http/http_client.hh"

namespace osb::registry {

// The parent directories of certs.d entries in order of precedence, from the environment.
std::vector<std::string> certs_d_directories();

// Loads the TLS options of a registry from the first directory that has a subdirectory `host`, which is
// spelled as in the reference, including the port. *.crt are trusted in addition to the system's
// certificates. NAME.cert and NAME.key are the client certificate and its key; the first pair in order of
// names is used. Without a subdirectory, only the system's certificates are trusted. A *.crt that does not
// exist (a dangling link) or holds no certificate, and a directory that this user may not read, are skipped
// with a warning. Throws Error if half of a pair is missing or a file cannot be read.
std::shared_ptr<const TlsOptions> load_certs_d(const std::string& host,
                                               const std::vector<std::string>& directories);

}  // namespace osb::registry
