#include "cli/registry_flags.hh"

namespace osb::cli {

void RegistryFlags::declare(Arguments& arguments) {
    constexpr std::string_view kGroup = "Registries";
    arguments.add({
        {.name = "--authfile",
         .value = "FILE",
         .help = "credentials",
         .default_shown = "$REGISTRY_AUTH_FILE, else where podman keeps them",
         .group = kGroup,
         .target = &authfile},
        {.name = "--creds",
         .value = "USER:PASSWORD",
         .help = "user name and password for this one call",
         .group = kGroup,
         .target = &credentials},
        {.name = "--tls-verify",
         .value = "BOOL",
         .help = "=false: take any certificate, and plain http; =true: plain http not even from this machine",
         .group = kGroup,
         .target = &tls_verify},
    });
}

registry::RegistryOptions RegistryFlags::options() const {
    registry::RegistryOptions out;
    out.authfile = authfile;
    if (!credentials.empty()) out.credentials = registry::Credentials::parse(credentials);
    out.tls_verify = tls_verify;
    return out;
}

}  // namespace osb::cli
