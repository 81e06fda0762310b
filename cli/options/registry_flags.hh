// The options of all verbs that may connect to a registry.
#pragma once

#include <optional>
#include <string>

#include "cli/options/arguments.hh"
#include "registry/distribution/registry_access.hh"

namespace osb::cli {

// The parsed options, which are also the targets of their rows.
struct RegistryFlags {
    std::string authfile;
    std::string credentials;
    std::string credentials_file;
    bool password_from_stdin = false;
    std::optional<bool> tls_verify;  // nullopt: registries.conf decides
    std::string policy;
    bool require_signature = false;
    std::string limits;

    // The rows for a verb that reads an image: access to registries, and which images to trust,
    // and how much they may use.
    void declare(Arguments& arguments);
    // Only those for access.
    void declare_access(Arguments& arguments);
    // True if the command line has any of these options.
    bool given() const;
    // Reads the password from standard input if the options say so; call it once. Throws Error{usage} for
    // malformed credentials and limits, and the errors of reading.
    registry::RegistryOptions options() const;
};

// The options for another image than the target of a push: the given credentials are for the registry of the
// target, and another one must not receive them.
registry::RegistryOptions options_for_other(const oci::Reference& other, const oci::Reference& target,
                                            registry::RegistryOptions options);

}  // namespace osb::cli
