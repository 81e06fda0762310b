#include "registry/auth/certs_d.hh"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "registry/auth/small_file.hh"

namespace osb::registry {
namespace {

constexpr std::size_t kMaxCertificates = 1024UL * 1024;  // of one file

[[noreturn]] void refuse_half(const std::string& path, const std::string& missing) {
    throw Error(ErrorKind::invalid, concat("client certificate ", quoted(path), " needs ", quoted(missing)));
}

std::string stem_of(const std::string& name) {
    return name.substr(0, name.rfind('.'));
}

// The PEM of a *.crt, with a line feed behind it. A file that brings no certificate takes none away: packages
// leave dangling links here, and the certificate may not be needed.
std::string read_authorities(const std::string& path) {
    const auto pem = read_small_file(path, kMaxCertificates);
    if (pem && pem->find("-----BEGIN CERTIFICATE-----") != std::string::npos) return *pem + '\n';
    log_warning(concat(quoted(path), pem ? " does not contain a certificate in PEM" : " does not exist"));
    return {};
}

std::shared_ptr<const TlsOptions> load(const std::string& directory, const std::vector<std::string>& names) {
    auto out = std::make_shared<TlsOptions>();
    const auto has = [&](const std::string& name) {
        return std::binary_search(names.begin(), names.end(), name);
    };
    for (const std::string& name : names) {
        const std::string path = concat(directory, '/', name);
        if (name.ends_with(".crt")) {
            out->ca_pem += read_authorities(path);
        } else if (name.ends_with(".cert")) {
            const std::string key = stem_of(name) + ".key";
            if (!has(key)) refuse_half(path, key);
            const std::string key_path = concat(directory, '/', key);
            for (const std::string& half : {path, key_path}) {
                if (!read_small_file(half, kMaxCertificates)) {
                    throw Error(ErrorKind::not_found, concat("cannot read ", quoted(half)));
                }
            }
            if (!out->client_cert_path.empty()) continue;
            out->client_cert_path = path;
            out->client_key_path = key_path;
        } else if (name.ends_with(".key")) {
            const std::string certificate = stem_of(name) + ".cert";
            if (!has(certificate)) refuse_half(path, certificate);
        }
    }
    return out;
}

}  // namespace

std::vector<std::string> certs_d_directories() {
    std::vector<std::string> out;
    const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): read-only use
    if (home != nullptr && *home != '\0') out.push_back(concat(home, "/.config/containers/certs.d"));
    out.emplace_back("/etc/containers/certs.d");
    out.emplace_back("/etc/docker/certs.d");
    return out;
}

std::shared_ptr<const TlsOptions> load_certs_d(const std::string& host,
                                               const std::vector<std::string>& directories) {
    for (const std::string& directory : directories) {
        const std::string own = concat(directory, '/', host);
        if (::access(own.c_str(), R_OK | X_OK) != 0 && errno == EACCES) {
            log_warning(concat(quoted(own), " may not be read, so its certificates do not count"));
            continue;
        }
        const std::vector<std::string> names = list_files(own);
        if (!names.empty()) return load(own, names);
    }
    return std::make_shared<TlsOptions>();
}

}  // namespace osb::registry
