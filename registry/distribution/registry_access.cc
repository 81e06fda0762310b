#include "registry/distribution/registry_access.hh"

#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "registry/auth/certs_d.hh"
#include "registry/distribution/distribution_source.hh"

namespace osb::registry {
namespace {

// Maps the common name of docker.io to its server.
std::string server_of(const std::string& host) {
    return host == "docker.io" || host == "index.docker.io" ? "registry-1.docker.io" : host;
}

// True if host[:port] is this machine.
bool is_loopback(const std::string& host) {
    return is_loopback_host(host.substr(0, host.find(':', host.find(']') + 1)));
}

// The certificates for a proxy with TLS are in the same directories as for a registry with its name.
ProxySettings with_certificates(ProxySettings proxies, const std::vector<std::string>& directories) {
    proxies.tls = [directories](const std::string& host) { return load_certs_d(host, directories); };
    return proxies;
}

CredentialFiles with_helpers(CredentialFiles files, const RegistriesConf& conf) {
    if (!conf.credential_helpers().empty()) files.helpers = conf.credential_helpers();
    return files;
}

}  // namespace

RegistryAccess::RegistryAccess(const RegistryOptions& options)
    : RegistryAccess(options, CredentialFiles::from_environment(options.authfile),
                     RegistriesConf::from_environment(), certs_d_directories(),
                     ProxySettings::from_environment()) {}

RegistryAccess::RegistryAccess(RegistryOptions options, CredentialFiles files, RegistriesConf conf,
                               std::vector<std::string> certs_directories, ProxySettings proxies)
    : options_(std::move(options)),
      store_(std::make_shared<CredentialStore>(with_helpers(std::move(files), conf))),
      conf_(std::move(conf)),
      certs_directories_(std::move(certs_directories)),
      http_(std::make_shared<HttpClient>(options_.limits,
                                         with_certificates(std::move(proxies), certs_directories_))) {}

std::shared_ptr<const DistributionClient> RegistryAccess::make_client(const PullPlace& place, Access access,
                                                                      const std::string& upstream) const {
    const std::size_t slash = place.name.find('/');
    if (slash == std::string::npos) {
        throw Error(ErrorKind::usage, concat("not the name of an image in a registry: ", quoted(place.name)));
    }
    const std::string host = place.name.substr(0, slash);
    const std::string repository = place.name.substr(slash + 1);
    Session::Options session;
    session.host = server_of(host);
    session.insecure = options_.tls_verify ? !*options_.tls_verify : place.insecure;
    session.plain_http = !options_.tls_verify && is_loopback(host);
    session.tls = load_certs_d(host, certs_directories_);
    session.retry = options_.retry;
    session.credentials_given = options_.credentials && !place.mirror;
    session.credentials = session.credentials_given
                              ? options_.credentials
                              : store_->lookup(host, repository, &session.credentials_hint);
    session.lookup = [store = store_](const std::string& other) { return store->lookup(other, ""); };
    return std::make_shared<DistributionClient>(std::make_shared<Session>(http_, std::move(session)),
                                                repository, access, upstream);
}

std::vector<std::shared_ptr<const DistributionClient>> RegistryAccess::clients(
    const oci::Reference& reference, Endpoints endpoints) const {
    if (endpoints == Endpoints::destination) return {push_client(reference)};
    std::vector<std::shared_ptr<const DistributionClient>> out;
    for (const PullPlace& place : conf_.pull_places(reference.location, reference.tag, reference.digest)) {
        if (endpoints != Endpoints::all && place.mirror != (endpoints == Endpoints::mirrors)) continue;
        const std::string host = reference.location.substr(0, reference.location.find('/'));
        out.push_back(make_client(place, Access::pull, place.mirror ? host : std::string()));
    }
    return out;
}

std::shared_ptr<const DistributionClient> RegistryAccess::push_client(const oci::Reference& reference) const {
    return make_client(conf_.push_place(reference.location, reference.tag), Access::push);
}

std::shared_ptr<oci::ImageSource> RegistryAccess::open_source(const oci::Reference& reference,
                                                              Endpoints endpoints) const {
    std::vector<std::shared_ptr<const DistributionClient>> found = clients(reference, endpoints);
    if (found.empty())
        throw Error(ErrorKind::not_found, concat("no mirror for ", quoted(reference.location)));
    return open_distribution_source(reference, std::move(found));
}

std::shared_ptr<oci::ImageSink> RegistryAccess::open_sink(const oci::Reference& reference,
                                                          DistributionSinkOptions options) const {
    return open_distribution_sink(reference, push_client(reference), std::move(options));
}

}  // namespace osb::registry
