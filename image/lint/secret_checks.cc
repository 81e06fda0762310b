// Checks of keys, credentials and identities, which everybody who can read the image gets.
#include <algorithm>
#include <array>
#include <string>

#include "base/escape.hh"
#include "image/lint/checks.hh"
#include "image/lint/fix.hh"

namespace osb::image {
namespace {

constexpr std::size_t kKeyHead = 4096;                // bytes of a file that are searched for a key
constexpr std::size_t kCredentialHead = 64UL * 1024;  // bytes of a file of credentials that are searched
constexpr std::uint64_t kMaxKeyFile = 1024UL * 1024;  // larger files are not keys
constexpr std::size_t kMaxFilesToRead = 100'000;      // whose beginning is read

std::string remove_line(std::string_view path) {
    return run_line("rm -f", concat('/', path));
}

bool is_ssh_host_key(const LintContext& context, std::string_view path) {
    const std::string_view name = base_name(path);
    if (parent_path(path) == context.place_of("etc/ssh")) {
        return name.starts_with("ssh_host_") && name.ends_with("_key");
    }
    return parent_path(path) == context.place_of("etc/dropbear") && name.starts_with("dropbear_") &&
           name.ends_with("_host_key");
}

void check_host_keys(const LintContext& context, Findings& findings) {
    for (const char* directory : {"etc/ssh", "etc/dropbear"}) {
        for_each_below(context.tree(), context.place_of(directory),
                       [&](const std::string& path, const LintEntry& entry) {
                           if (entry.kind != LintKind::file || entry.size == 0) return;
                           if (!is_ssh_host_key(context, path)) return;
                           findings.error(path,
                                          "an SSH host key: all machines would share it, and so would "
                                          "everybody who can read the image",
                                          directory == std::string_view("etc/ssh")
                                              ? "RUN rm -f /etc/ssh/ssh_host_*"
                                              : "RUN rm -f /etc/dropbear/dropbear_*_host_key");
                       });
    }
}

void check_machine_id(const LintContext& context, Findings& findings) {
    for (const char* path : {"etc/machine-id", "var/lib/dbus/machine-id"}) {
        const std::string place = context.place_of(path);
        const LintEntry* const entry = context.tree().at(place);
        if (entry == nullptr || entry->kind != LintKind::file) continue;
        std::string text = context.tree().read_head(place, kKeyHead);
        text.erase(std::find_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }),
                   text.end());
        if (text.empty() || text == "uninitialized") continue;
        findings.warning(place, "a machine id: all machines would have the same",
                         path == std::string_view("etc/machine-id") ? "RUN : >/etc/machine-id"
                                                                    : "RUN rm -f /var/lib/dbus/machine-id");
    }
}

// True if a line begins a private key in PEM or in the format of PuTTY.
bool has_private_key(std::string_view text) {
    constexpr std::string_view kBegin = "-----BEGIN ";
    constexpr std::string_view kEnd = "PRIVATE KEY-----";
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        std::string_view line = text.substr(at, end - at);
        while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
        if (line.starts_with(kBegin) && line.ends_with(kEnd)) return true;
        if (at == 0 && line.starts_with("PuTTY-User-Key-File-")) return true;
        at = end + 1;
    }
    return false;
}

bool is_key_name(std::string_view name) {
    constexpr std::array<std::string_view, 6> kNames{"id_rsa",     "id_dsa",        "id_ecdsa",
                                                     "id_ed25519", "id_ed25519_sk", "id_ecdsa_sk"};
    return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// True for directories of packages: many have keys there for their own tests.
bool is_of_packages(std::string_view path) {
    for (const std::string_view own : {"usr/etc/", "usr/local/", "usr/share/factory/"}) {
        if (path.starts_with(own)) return false;
    }
    for (const std::string_view top : {"usr/", "bin/", "sbin/", "lib/", "lib32/", "lib64/", "boot/", "dev/",
                                       "proc/", "sys/", "sysroot/", "ostree/"}) {
        if (path.starts_with(top)) return true;
    }
    return false;
}

void check_private_keys(const LintContext& context, Findings& findings) {
    std::size_t read = 0;
    for (const auto& [path, entry] : context.tree().entries()) {
        if (entry.kind != LintKind::file || entry.size == 0 || entry.size > kMaxKeyFile) continue;
        if (is_of_packages(path) && !is_key_name(base_name(path))) continue;
        if (is_ssh_host_key(context, path)) continue;
        if (++read > kMaxFilesToRead) {
            findings.warning(
                {}, concat("only the first ", kMaxFilesToRead, " files were searched for private keys"),
                "move files that belong to the image to /usr");
            return;
        }
        if (!has_private_key(context.tree().read_head(path, kKeyHead))) continue;
        findings.error(path, "a private key, which everybody who can read the image gets", remove_line(path));
    }
}

struct CredentialFile {
    std::string_view path;    // its end, from the beginning of a name
    std::string_view needle;  // text that it has if there is a secret in it; "" for any
};

constexpr std::array<CredentialFile, 15> kCredentialFiles{{
    {".netrc", "password"},
    {".pgpass", ":"},
    {".my.cnf", "password"},
    {".git-credentials", "://"},
    {".npmrc", "_auth"},
    {".pypirc", "password"},
    {".dockercfg", "\"auth\""},
    {".docker/config.json", "\"auth\""},
    {"containers/auth.json", "\"auth\""},
    {"ostree/auth.json", "\"auth\""},
    {".aws/credentials", "aws_secret_access_key"},
    {".azure/accessTokens.json", "oken"},
    {".config/gcloud/application_default_credentials.json", ""},
    {".kube/config", "users"},
    {".vault-token", ""},
}};

bool has_end(std::string_view path, std::string_view end) {
    return path.ends_with(end) && (path.size() == end.size() || path[path.size() - end.size() - 1] == '/');
}

// True for the file with which all machines shall fetch their upgrades (registry/auth/credentials.hh).
bool is_of_machine(const LintContext& context, std::string_view path) {
    return path == context.place_of("etc/ostree/auth.json");
}

void check_credentials(const LintContext& context, Findings& findings) {
    for (const auto& [path, entry] : context.tree().entries()) {
        if (entry.kind != LintKind::file || entry.size == 0) continue;
        for (const CredentialFile& file : kCredentialFiles) {
            if (!has_end(path, file.path)) continue;
            const std::string text = context.tree().read_head(path, kCredentialHead);
            if (text.find(file.needle) == std::string::npos) break;
            if (is_of_machine(context, path)) {
                findings.warning(path,
                                 "credentials of a registry, which everybody who can read the image gets",
                                 "let each machine have its own file, from install-to-disk --config");
            } else {
                findings.error(path, "credentials, which everybody who can read the image gets",
                               remove_line(path));
            }
            break;
        }
    }
}

constexpr std::array<LintCheck, 4> kSecretChecks{{
    {"host-keys", "SSH host keys, which all machines would share", check_host_keys},
    {"machine-id", "a machine id, which all machines would share", check_machine_id},
    {"private-keys", "private keys outside the directories of packages", check_private_keys},
    {"credentials", "files with passwords or tokens, such as .netrc and .docker/config.json",
     check_credentials},
}};

}  // namespace

std::span<const LintCheck> secret_checks() {
    return kSecretChecks;
}

}  // namespace osb::image
