// The options of every verb that may speak to a registry.
#pragma once

#include <optional>
#include <string>

#include "cli/arguments.hh"
#include "registry/registry_access.hh"

namespace osb::cli {

struct RegistryFlags {
    std::string authfile;
    std::string credentials;
    std::optional<bool> tls_verify;  // not said: registries.conf decides

    void declare(Arguments& arguments);
    // Throws Error{usage} for credentials that are none.
    registry::RegistryOptions options() const;
};

}  // namespace osb::cli
