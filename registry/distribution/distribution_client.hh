// A client for one repository of a registry: the distribution specification 1.1.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hh"
#include "oci/transports/image_source.hh"
#include "registry/distribution/session.hh"

namespace osb::registry {

// The access that a client needs.
enum class Access { pull, push };

// The response to HEAD for a manifest. It is not verified.
struct ManifestInfo {
    std::string media_type;
    std::optional<oci::Digest> digest;  // old registries and some proxies do not send it
    std::optional<std::uint64_t> size;
};

// Options for put_manifest().
struct ManifestPut {
    std::vector<std::string> tags;  // additional tags; the reference must be the digest then
    std::string only_over;          // the ETag of the manifest to replace; "" replaces any
    bool returns_refusal = false;   // return the error of a refusal instead of throwing it
};

// The registry's response to put_manifest().
struct ManifestPutResult {
    bool subject_kept = false;       // it recorded the manifest as a referrer of its subject (OCI-Subject)
    std::vector<std::string> tags;   // those of ManifestPut::tags that it recorded (OCI-Tag)
    bool changed_meanwhile = false;  // it stored nothing: the ETag was not ManifestPut::only_over
    // With ManifestPut::returns_refusal: it stored nothing, because it does not accept the document (400), or
    // lacks something that it names (404).
    std::optional<Error> refusal;
};

// Requests to a repository. Thread-safe. The results are untrusted and not verified. Throws Error{not_found}
// if an object does not exist; NetworkError and Error{unavailable} for other failures.
class DistributionClient {
  public:
    // `repository`: the path without the host. `access`: the access to request in tokens. `upstream`: for a
    // mirror, the host that it mirrors, which is sent to it (ns=); otherwise "".
    DistributionClient(std::shared_ptr<Session> session, std::string repository, Access access,
                       std::string upstream = {});

    Session& session() const noexcept { return *session_; }
    const std::string& repository() const noexcept { return repository_; }
    // "host/repository", for messages.
    std::string name() const;
    const std::vector<std::string>& scopes() const noexcept { return scopes_; }
    // /v2/<repository>/<rest>
    Url url(std::string_view rest) const;

    // Checks that the host is a registry and grants access: GET /v2/.
    void ping() const;

    // `reference`: a tag or a digest. Returns nullopt if the manifest does not exist.
    std::optional<ManifestInfo> head_manifest(const std::string& reference) const;
    // Document::media_type is "" if the registry sends a generic type ("application/json").
    oci::Document get_manifest(const std::string& reference) const;
    // Stores a manifest under a tag or its digest. Call it when everything that the manifest names is stored.
    // For a manifest that may have a subject, use publish_manifest() in registry/distribution/referrers.hh.
    ManifestPutResult put_manifest(const std::string& reference, const std::string& raw,
                                   std::string_view media_type, const ManifestPut& how = {}) const;
    // Deletes a manifest by its digest or a tag by its name. Throws Error: unsupported if the registry does
    // not allow it; not_found.
    void delete_manifest(const std::string& reference) const;
    // Throws as delete_manifest().
    void delete_blob(const oci::Digest& digest) const;

    // The size of a blob in bytes, 0 if the registry does not report it; nullopt if the blob does not exist,
    // or if the registry refuses to say so (then it is not asked again).
    std::optional<std::uint64_t> head_blob(const oci::Digest& digest) const;
    // Mounts a blob of another repository of this registry. `from` "" lets the registry search all
    // repositories. Returns false if the registry requires an upload instead.
    bool mount_blob(const oci::Digest& digest, const std::string& from) const;

    // Sends a request for a small document and reads at most `limit` bytes. Retries if the connection breaks.
    // The body of the response is consumed.
    struct Reply {
        HttpResponse response;
        std::string body;
    };
    Reply fetch_document(const RegistryRequest& request, std::size_t limit, std::string_view what) const;

  private:
    RegistryRequest manifest_request(std::string_view method, const std::string& reference) const;
    void check_stored(const std::string& reference, const std::string& raw, int status) const;
    void remove(const RegistryRequest& request, const std::string& what) const;

    std::shared_ptr<Session> session_;
    std::string repository_;
    std::string upstream_;
    std::vector<std::string> scopes_;
    mutable std::atomic<bool> refuses_look_up_{false};
};

}  // namespace osb::registry
