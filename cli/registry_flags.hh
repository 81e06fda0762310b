// The options of every verb that may speak to a registry.
#pragma once

#include <optional>
#include <string>

#include "registry/registry_access.hh"

namespace CLI {
class App;
}

namespace osb::cli {

struct RegistryFlags {
    std::string authfile;
    std::string credentials;
    std::optional<bool> tls_verify;  // not said: registries.conf decides

    void declare(CLI::App& app);
    // Throws Error{usage} for credentials that are none.
    registry::RegistryOptions options() const;
};

}  // namespace osb::cli
