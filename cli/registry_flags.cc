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
    app.add_flag_function(
           "--tls-verify", [this](std::int64_t count) { tls_verify = count > 0; },
           "=false: take any certificate, and plain http; =true: plain http not even from this machine")
        ->group(group);
}

registry::RegistryOptions RegistryFlags::options() const {
    registry::RegistryOptions out;
    out.authfile = authfile;
    if (!credentials.empty()) out.credentials = registry::Credentials::parse(credentials);
    out.tls_verify = tls_verify;
    return out;
}

}  // namespace osb::cli
