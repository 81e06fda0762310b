#include "cli/options/registry_flags.hh"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "base/error.hh"
#include "cli/options/image_limits.hh"
#include "registry/auth/credentials_input.hh"

namespace osb::cli {
namespace {

oci::ImageLimits find_image_limits(const std::string& given) {
    if (!given.empty()) return parse_image_limits("--limits", given);
    const char* const value = std::getenv("OSB_LIMITS");  // NOLINT(concurrency-mt-unsafe): read-only use
    return parse_image_limits("OSB_LIMITS", value == nullptr ? "" : value);
}

}  // namespace

void RegistryFlags::declare_access(Arguments& arguments) {
    constexpr std::string_view kGroup = "Registries";
    arguments.add({
        {.name = "--authfile",
         .value = "FILE",
         .kind = ValueKind::file,
         .help = "file of registry credentials",
         .default_shown = "$REGISTRY_AUTH_FILE, else podman's",
         .group = kGroup,
         .target = &authfile},
        {.name = "--creds",
         .value = "USER[:PASSWORD]",
         .help = "user and password for this call; other users can see them in the process list",
         .group = kGroup,
         .target = &credentials},
        {.name = "--creds-file",
         .value = "FILE",
         .kind = ValueKind::file,
         .help = "file or pipe with USER:PASSWORD for this call",
         .group = kGroup,
         .target = &credentials_file},
        {.name = "--password-stdin",
         .help = "read the password of --creds USER from standard input",
         .group = kGroup,
         .target = &password_from_stdin},
        {.name = "--tls-verify",
         .value = "BOOL",
         .help = "false: accept any certificate and plain HTTP; true: require TLS, even on this machine",
         .group = kGroup,
         .offered = {"true", "false"},
         .target = &tls_verify},
    });
}

void RegistryFlags::declare(Arguments& arguments) {
    declare_access(arguments);
    constexpr std::string_view kGroup = "Trust";
    arguments.add({
        {.name = "--policy",
         .value = "FILE",
         .kind = ValueKind::file,
         .help = "policy that decides which images may be used (containers-policy.json)",
         .default_shown = "~/.config/containers/policy.json, else /etc/containers/policy.json",
         .group = kGroup,
         .target = &policy},
        {.name = "--require-signature",
         .help = "refuse an image that the policy accepts without a signature",
         .group = kGroup,
         .target = &require_signature},
        {.name = "--limits",
         .value = "NAME=VALUE,...",
         .help =
             "limits of an image, against hostile ones: entries, memory, bytes unpacked beyond ratio times "
             "the size, and steps of looking up paths",
         .default_shown = "$OSB_LIMITS, else generous ones",
         .group = kGroup,
         .target = &limits},
    });
}

bool RegistryFlags::given() const {
    return !authfile.empty() || !credentials.empty() || !credentials_file.empty() || password_from_stdin ||
           tls_verify || !policy.empty() || require_signature || !limits.empty();
}

registry::RegistryOptions RegistryFlags::options() const {
    registry::RegistryOptions out;
    out.policy = policy;
    out.require_signature = require_signature;
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
    out.image_limits = find_image_limits(limits);
    return out;
}

registry::RegistryOptions options_for_other(const oci::Reference& other, const oci::Reference& target,
                                            registry::RegistryOptions options) {
    const auto host = [](const oci::Reference& image) {
        return image.location.substr(0, image.location.find('/'));
    };
    const bool is_same = other.transport == oci::Transport::docker &&
                         target.transport == oci::Transport::docker && host(other) == host(target);
    if (!is_same) options.credentials.reset();
    return options;
}

}  // namespace osb::cli
