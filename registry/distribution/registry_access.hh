// Creation of registry clients for a reference: combines names, mirrors, certificates and credentials.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "oci/documents/reference.hh"
#include "oci/transports/image_limits.hh"
#include "oci/transports/image_sink.hh"
#include "oci/transports/image_source.hh"
#include "registry/auth/credentials.hh"
#include "registry/auth/registries_conf.hh"
#include "registry/distribution/distribution_client.hh"
#include "registry/distribution/distribution_sink.hh"

namespace osb::registry {

// Options of one call. All other settings come from the user's configuration.
struct RegistryOptions {
    std::string authfile;                    // --authfile
    std::optional<Credentials> credentials;  // --creds: only for the registry itself, never for a mirror
    std::optional<bool> tls_verify;          // --tls-verify; false: do not check certificates, try http
    std::string policy;              // --policy: the file, "" for the default (registry/trust/policy.hh)
    bool require_signature = false;  // --require-signature
    oci::ImageLimits image_limits;   // --limits: for Image::limits
    HttpLimits limits;
    RetryPolicy retry;
};

// The endpoints of an image.
enum class Endpoints {
    all,         // the mirrors, then the registry
    mirrors,     // only the mirrors; there may be none
    registry,    // only the registry
    destination  // the one that an image is written to: the registry under its own name
};

// The configuration, which is read once, and a shared connection pool. Thread-safe.
class RegistryAccess {
  public:
    // Reads the configuration. Throws Error.
    explicit RegistryAccess(const RegistryOptions& options = {});
    // For tests: uses these values instead of the environment.
    RegistryAccess(RegistryOptions options, CredentialFiles files, RegistriesConf conf,
                   std::vector<std::string> certs_directories, ProxySettings proxies = {});

    // The clients of these endpoints, in the order of tries. Throws Error.
    std::vector<std::shared_ptr<const DistributionClient>> clients(const oci::Reference& reference,
                                                                   Endpoints endpoints) const;
    // The client to write an image. Throws Error.
    std::shared_ptr<const DistributionClient> push_client(const oci::Reference& reference) const;

    // Throws Error{not_found} if there is no such endpoint.
    std::shared_ptr<oci::ImageSource> open_source(const oci::Reference& reference,
                                                  Endpoints endpoints = Endpoints::all) const;
    std::shared_ptr<oci::ImageSink> open_sink(const oci::Reference& reference,
                                              DistributionSinkOptions options = {}) const;

  private:
    std::shared_ptr<const DistributionClient> make_client(const PullPlace& place, Access access,
                                                          const std::string& upstream = {}) const;

    RegistryOptions options_;
    std::shared_ptr<CredentialStore> store_;
    RegistriesConf conf_;
    std::vector<std::string> certs_directories_;
    std::shared_ptr<HttpClient> http_;
};

}  // namespace osb::registry
