#include "cli/registry_flags.hh"

#include <CLI/CLI.hpp>

namespace osb::cli {

void RegistryFlags::declare(CLI::App& app) {
    const std::string group = "Registries";
    app.add_option("--authfile", authfile, "credentials [$REGISTRY_AUTH_FILE, else where podman keeps them]")
        ->type_name("FILE")
        ->group(group);
    app.add_option("--creds", credentials, "user name and password for this one call")
        ->type_name("USER:PASSWORD")
        ->group(group);
    app.add_option("--tls-verify", tls_verify, "false: take any certificate, and http [true]")
        ->type_name("BOOL")
        ->expected(0, 1)
        ->each([this](const std::string&) { tls_verify_given_ = true; })
        ->group(group);
}

registry::RegistryOptions RegistryFlags::options() const {
    registry::RegistryOptions out;
    out.authfile = authfile;
    if (!credentials.empty()) out.credentials = registry::Credentials::parse(credentials);
    // Not said: registries.conf decides.
    if (tls_verify_given_) out.tls_verify = tls_verify;
    return out;
}

}  // namespace osb::cli
