#include "cli/options/registry_flags.hh"

#include <fcntl.h>
#include <unistd.h>

#include "base/error.hh"
#include "registry/auth/credentials_input.hh"

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
         .value = "USER[:PASSWORD]",
         .help = "user and password for this one call; all users of the machine see them among the processes",
         .group = kGroup,
         .target = &credentials},
        {.name = "--creds-file",
         .value = "FILE",
         .help = "a file, or pipe, with USER:PASSWORD for this one call",
         .group = kGroup,
         .target = &credentials_file},
        {.name = "--password-stdin",
         .help = "read the password of --creds USER from standard input",
         .group = kGroup,
         .target = &password_from_stdin},
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
    if (!credentials.empty() && !credentials_file.empty()) {
        throw Error(ErrorKind::usage, "--creds and --creds-file exclude each other");
    }
    if (password_from_stdin) {
        if (credentials.empty() || credentials.find(':') != std::string::npos) {
            throw Error(ErrorKind::usage, "--password-stdin needs --creds USER, without a password");
        }
        out.credentials = registry::read_password(credentials, Fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)));
    } else if (!credentials_file.empty()) {
        out.credentials = registry::read_credentials_file(credentials_file);
    } else if (!credentials.empty()) {
        out.credentials = registry::Credentials::parse(credentials);
    }
    out.tls_verify = tls_verify;
    return out;
}

}  // namespace osb::cli
