// One repository of a registry: the distribution specification 1.1 as a client meets it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/transports/image_source.hh"
#include "registry/distribution/session.hh"

namespace osb::registry {

enum class Access { pull, push };

// What HEAD says of a manifest. Nothing of it is verified.
struct ManifestInfo {
    std::string media_type;
    std::optional<oci::Digest> digest;  // old registries and some proxies do not say it
    std::optional<std::uint64_t> size;
};

// How a manifest is put.
struct ManifestPut {
    std::vector<std::string> tags;  // more names for it; the reference must be its digest then
    std::string only_over;          // the ETag of what it replaces; "" for whatever there is
};

// What the registry says of a manifest that it was given.
struct ManifestPutResult {
    bool subject_kept = false;       // it keeps account of what the manifest refers to (OCI-Subject)
    std::vector<std::string> tags;   // those of ManifestPut::tags that it knows (OCI-Tag)
    bool changed_meanwhile = false;  // nothing was put: there is something else than ManifestPut::only_over
};

// Threads may use it at once. Whatever it returns comes from outside and is not verified. Failures: not_found
// for what does not exist, NetworkError and Error{unavailable} for the rest.
class DistributionClient {
  public:
    // `repository`: the path without the host. `access`: what tokens are asked for. `upstream`: for a mirror
    // the host that it stands in for, which it is told (ns=); else "".
    DistributionClient(std::shared_ptr<Session> session, std::string repository, Access access,
                       std::string upstream = {});

    Session& session() const noexcept { return *session_; }
    const std::string& repository() const noexcept { return repository_; }
    // "host/repository", for messages.
    std::string name() const;
    const std::vector<std::string>& scopes() const noexcept { return scopes_; }
    // /v2/<repository>/<rest>
    Url url(std::string_view rest) const;

    // Whether there is a registry that lets us in: GET /v2/.
    void ping() const;

    // `reference`: a tag or a digest. Nothing when there is no such manifest.
    std::optional<ManifestInfo> head_manifest(const std::string& reference) const;
    // Document::media_type is "" where the registry says a type that means nothing ("application/json").
    oci::Document get_manifest(const std::string& reference) const;
    // Stores it under a tag or its digest. To be called when all that it names is there. A manifest that may
    // have a subject goes through publish_manifest() in registry/distribution/referrers.hh.
    ManifestPutResult put_manifest(const std::string& reference, const std::string& raw,
                                   std::string_view media_type, const ManifestPut& how = {}) const;
    // A manifest by its digest, a tag by its name. Throws Error: unsupported when the registry does not allow
    // it, not_found.
    void delete_manifest(const std::string& reference) const;
    // Throws as delete_manifest().
    void delete_blob(const oci::Digest& digest) const;

    // Nothing when the blob is not there; its size in bytes, 0 where the registry does not say.
    std::optional<std::uint64_t> head_blob(const oci::Digest& digest) const;
    // Makes a blob of another repository of this registry ours. False when the registry would rather have it
    // uploaded; `from` "" lets it look everywhere.
    bool mount_blob(const oci::Digest& digest, const std::string& from) const;

    // Sends a request for a small document and reads it, at most `limit` bytes; a connection that breaks
    // meanwhile is tried again. The response's body is gone.
    struct Reply {
        HttpResponse response;
        std::string body;
    };
    Reply fetch_document(const RegistryRequest& request, std::size_t limit, std::string_view what) const;

  private:
    RegistryRequest manifest_request(std::string_view method, const std::string& reference) const;
    void remove(const RegistryRequest& request, const std::string& what) const;

    std::shared_ptr<Session> session_;
    std::string repository_;
    std::string upstream_;
    std::vector<std::string> scopes_;
};

}  // namespace osb::registry
