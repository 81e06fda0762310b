// The options of every verb that may speak to a registry.
#pragma once

#include <string>

#include "registry/registry_access.hh"

namespace CLI {
class App;
}

namespace osb::cli {

struct RegistryFlags {
    std::string authfile;
    std::string credentials;
    bool tls_verify = true;

    void declare(CLI::App& app);
    // Throws Error{usage} for credentials that are none.
    registry::RegistryOptions options() const;

  private:
    bool tls_verify_given_ = false;
};

}  // namespace osb::cli
