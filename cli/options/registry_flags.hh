// The options of every verb that may speak to a registry.
#pragma once

#include <optional>
#include <string>

#include "cli/options/arguments.hh"
#include "registry/distribution/registry_access.hh"

namespace osb::cli {

struct RegistryFlags {
    std::string authfile;
    std::string credentials;
    std::string credentials_file;
    bool password_from_stdin = false;
    std::optional<bool> tls_verify;  // not said: registries.conf decides

    void declare(Arguments& arguments);
    // Reads standard input where it is to hold the password: to be called once. Throws Error{usage} for
    // credentials that are none, and what reading throws.
    registry::RegistryOptions options() const;
};

}  // namespace osb::cli
