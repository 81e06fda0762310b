#include "registry/auth/certs_d.hh"

#include <algorithm>
#include <cstdlib>

#include "base/error.hh"
#include "base/escape.hh"
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

std::shared_ptr<const TlsOptions> load(const std::string& directory, const std::vector<std::string>& names) {
    auto out = std::make_shared<TlsOptions>();
    const auto has = [&](const std::string& name) {
        return std::binary_search(names.begin(), names.end(), name);
    };
    for (const std::string& name : names) {
        const std::string path = concat(directory, '/', name);
        if (name.ends_with(".crt")) {
            const auto pem = read_small_file(path, kMaxCertificates);
            if (!pem) throw Error(ErrorKind::not_found, concat("cannot read ", quoted(path)));
            if (pem->find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
                throw Error(ErrorKind::invalid, concat(quoted(path), " does not contain a certificate"));
            }
            out->ca_pem += concat(*pem, '\n');
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
        const std::vector<std::string> names = list_files(own);
        if (!names.empty()) return load(own, names);
    }
    return std::make_shared<TlsOptions>();
}

}  // namespace osb::registry
