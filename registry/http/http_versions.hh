// The versions of the libraries for HTTP and TLS.
#pragma once

#include <vector>

#include "base/library_version.hh"

namespace osb::registry {

// libcurl and OpenSSL as they run. Thread-safe.
std::vector<LibraryVersion> http_versions();

}  // namespace osb::registry
