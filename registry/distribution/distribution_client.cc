#include "registry/distribution/distribution_client.hh"

#include <algorithm>
#include <array>
#include <utility>

#include "base/escape.hh"
#include "base/log.hh"
#include "oci/documents/media_type.hh"
#include "registry/distribution/content_coding.hh"

namespace osb::registry {
namespace {

constexpr std::chrono::minutes kDocumentTime{5};
constexpr std::chrono::seconds kMountCancelTime{10};

std::string accepted_types() {
    return concat(oci::kMediaTypeManifest, ", ", oci::kMediaTypeIndex, ", ", oci::kMediaTypeDockerManifest,
                  ", ", oci::kMediaTypeDockerManifestList);
}

bool is_digest(const std::string& reference) {
    return reference.find(':') != std::string::npos;
}

// The media type of a response; "" for a generic type, which servers send if they do not know the type.
std::string meaningful_type(const HttpResponse& response) {
    const auto text = response.header("content-type");
    std::string out = text ? oci::media_type_essence(*text) : std::string();
    const bool vague = out == "application/json" || out == "text/plain" || out == "application/octet-stream";
    return vague ? std::string() : out;
}

// True for a page of a login or of a proxy, which answers in place of the registry.
bool is_web_page(const HttpResponse& response, std::string_view body) {
    const auto type = response.header("content-type");
    const std::size_t begin = body.find_first_not_of(" \t\r\n");
    const bool is_markup = begin == std::string_view::npos || body[begin] == '<';
    return is_markup && type && oci::media_type_essence(*type) == "text/html";
}

// Splits a header that is a list: RFC 9110, 5.6.1.
void add_list(std::string_view text, std::vector<std::string>& out) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(','), text.size());
        const std::string_view one = trim(text.substr(0, end));
        if (!one.empty()) out.emplace_back(one);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

}  // namespace

DistributionClient::DistributionClient(std::shared_ptr<Session> session, std::string repository,
                                       Access access, std::string upstream)
    : session_(std::move(session)), repository_(std::move(repository)), upstream_(std::move(upstream)) {
    const std::string_view actions = access == Access::push ? ":pull,push" : ":pull";
    scopes_ = {concat("repository:", repository_, actions)};
}

std::string DistributionClient::name() const {
    return concat(session_->host(), '/', repository_);
}

Url DistributionClient::url(std::string_view rest) const {
    Url out = session_->url(concat("/v2/", repository_, '/', rest));
    if (!upstream_.empty()) out.add_query("ns", upstream_);
    return out;
}

void DistributionClient::ping() const {
    HttpResponse response = session_->send({.url = session_->url("/v2/"), .scopes = scopes_});
    if (response.status != 200) session_->fail(response, concat("registry ", quoted(session_->host())));
    discard_body(response);
}

RegistryRequest DistributionClient::manifest_request(std::string_view method,
                                                     const std::string& reference) const {
    return {.method = std::string(method),
            .url = url("manifests/" + reference),
            .headers = {{"Accept", accepted_types()}},
            .scopes = scopes_,
            .total_time = kDocumentTime};
}

std::optional<ManifestInfo> DistributionClient::head_manifest(const std::string& reference) const {
    HttpResponse response = session_->send(manifest_request("HEAD", reference));
    if (response.status == 404) return std::nullopt;
    if (response.status != 200) {
        session_->fail(response, concat("manifest ", quoted(reference), " of ", quoted(name())));
    }
    ManifestInfo out{.media_type = meaningful_type(response),
                     .digest = std::nullopt,
                     .size = response.number("content-length")};
    if (const auto text = response.header("docker-content-digest")) {
        try {
            out.digest = oci::Digest::parse(*text);
        } catch (const Error& error) {
            // The header is only a hint: the digest is computed from the bytes.
            log_debug(concat("registry ", quoted(session_->host()), ": ", error.message()));
        }
    }
    return out;
}

DistributionClient::Reply DistributionClient::fetch_document(const RegistryRequest& request,
                                                             std::size_t limit, std::string_view what) const {
    Retry retry(session_->retry_policy(), session_->retry_hooks());
    RegistryRequest small = request;
    small.is_small = true;
    const auto attempt = [&]() -> std::optional<Reply> {
        // send() retries failures before the body itself.
        HttpResponse response = session_->send(small);
        if (response.status != 200) return Reply{.response = std::move(response), .body = {}};
        if (response.number("content-length").value_or(0) > limit) {
            throw Error(ErrorKind::too_large, concat(what, " is larger than ", limit, " bytes"));
        }
        try {
            std::string body = read_all(*response.body, limit, what);
            response.body.reset();
            body = decoded_document(response, std::move(body), limit, what);
            return Reply{.response = std::move(response), .body = std::move(body)};
        } catch (const NetworkError& error) {
            if (!retry.again_after(error)) throw;
            return std::nullopt;
        }
    };
    return retry.run(attempt, false);
}

oci::Document DistributionClient::get_manifest(const std::string& reference) const {
    const std::string what = concat("manifest ", quoted(reference), " of ", quoted(name()));
    Reply reply = fetch_document(manifest_request("GET", reference), oci::kMaxDocument, what);
    if (reply.response.status != 200) session_->fail(reply.response, what);
    if (is_web_page(reply.response, reply.body)) {
        throw Error(ErrorKind::unavailable, concat(what, ": the answer is a web page"))
            .hint("a login page or a proxy answers in place of the registry");
    }
    oci::Document out{.raw = std::move(reply.body),
                      .media_type = meaningful_type(reply.response),
                      .expected = std::nullopt};
    if (is_digest(reference)) out.expected = oci::Digest::parse(reference);
    return out;
}

ManifestPutResult DistributionClient::put_manifest(const std::string& reference, const std::string& raw,
                                                   std::string_view media_type,
                                                   const ManifestPut& how) const {
    RegistryRequest request = manifest_request("PUT", reference);
    request.headers = {{"Content-Type", std::string(media_type)}};
    if (!how.only_over.empty()) request.headers.emplace_back("If-Match", how.only_over);
    for (const std::string& tag : how.tags) request.url.add_query("tag", tag);
    request.body = as_bytes(raw);
    HttpResponse response = session_->send(request);
    ManifestPutResult out;
    if (response.status == 412 && !how.only_over.empty()) {
        discard_body(response);
        out.changed_meanwhile = true;
        return out;
    }
    if (response.status < 200 || response.status > 204) {
        const bool is_refusal = response.status == 400 || response.status == 404;
        try {
            session_->fail(response, concat("manifest ", quoted(reference), " of ", quoted(name()),
                                            " was not accepted"));
        } catch (const Error& error) {
            if (!is_refusal || !how.returns_refusal) throw;
            out.refusal = error;
            return out;
        }
    }
    out.subject_kept = response.header("oci-subject").has_value();
    for (const auto& [key, value] : response.headers) {
        if (key == "oci-tag") add_list(value, out.tags);
    }
    const int status = response.status;
    discard_body(response);
    response.body.reset();
    if (status != 201) check_stored(reference, raw, status);
    return out;
}

// Only 201 says that the manifest is stored. Some registries answer 200 or 202 instead, and login pages and
// proxies answer anything with 200.
void DistributionClient::check_stored(const std::string& reference, const std::string& raw,
                                      int status) const {
    const std::string what =
        concat("manifest ", quoted(reference), " of ", quoted(name()), " was not accepted: HTTP ", status);
    std::string found;
    try {
        found = get_manifest(reference).raw;
    } catch (const Error& error) {
        throw Error(ErrorKind::unavailable, concat(what, "; ", error.message())).hint(error.hint());
    }
    if (found != raw) throw Error(ErrorKind::unavailable, concat(what, ", and another one is there"));
}

void DistributionClient::remove(const RegistryRequest& request, const std::string& what) const {
    HttpResponse response = session_->send(request);
    // 400 comes from some registries that delete manifests but no tags.
    if (response.status == 400 || response.status == 405) {
        const std::string said = session_->described(response);
        throw Error(ErrorKind::unsupported,
                    concat(what, " cannot be deleted: the registry does not allow it: HTTP ", response.status,
                           said.empty() ? "" : ": ", said));
    }
    if (response.status != 202 && response.status != 200 && response.status != 204) {
        session_->fail(response, what);
    }
    discard_body(response);
}

void DistributionClient::delete_manifest(const std::string& reference) const {
    remove(manifest_request("DELETE", reference),
           concat("manifest ", quoted(reference), " of ", quoted(name())));
}

void DistributionClient::delete_blob(const oci::Digest& digest) const {
    remove({.method = "DELETE",
            .url = url("blobs/" + digest.to_string()),
            .scopes = scopes_,
            .total_time = kDocumentTime},
           concat("blob ", digest.to_string(), " of ", quoted(name())));
}

std::optional<std::uint64_t> DistributionClient::head_blob(const oci::Digest& digest) const {
    if (refuses_look_up_) return std::nullopt;
    HttpResponse response = session_->send({.method = "HEAD",
                                            .url = url("blobs/" + digest.to_string()),
                                            .scopes = scopes_,
                                            .total_time = kDocumentTime});
    if (response.status == 404 || response.status == 410) return std::nullopt;
    // The registry does not answer this question: it does not know HEAD, or the account may only write. An
    // upload works without, and is refused with a better reason if it is not allowed.
    if (response.status == 400 || response.status == 403 || response.status == 405 ||
        response.status == 501) {
        log_debug(concat("registry ", quoted(session_->host()), " refuses to look for a blob: HTTP ",
                         response.status));
        refuses_look_up_ = true;
        return std::nullopt;
    }
    if (response.status != 200) {
        session_->fail(response, concat("blob ", digest.to_string(), " of ", quoted(name())));
    }
    return response.number("content-length").value_or(0);
}

bool DistributionClient::mount_blob(const oci::Digest& digest, const std::string& from) const {
    RegistryRequest request{.method = "POST",
                            .url = url("blobs/uploads/"),
                            .body = ByteView(),
                            .scopes = scopes_,
                            .total_time = kDocumentTime};
    request.url.add_query("mount", digest.to_string());
    if (!from.empty()) {
        request.url.add_query("from", from);
        request.scopes.push_back(concat("repository:", from, ":pull"));
    }
    HttpResponse response = session_->send(request);
    discard_body(response);
    if (response.status == 201) return true;
    // 202 started an upload that nobody continues, so cancel it.
    const auto location = response.header("location");
    const std::optional<Url> upload = location ? request.url.resolve(*location) : std::nullopt;
    if (response.status == 202 && upload) {
        try {
            HttpResponse cancelled = session_->send({.method = "DELETE",
                                                     .url = *upload,
                                                     .scopes = scopes_,
                                                     .retry = false,
                                                     .total_time = kMountCancelTime});
            discard_body(cancelled);
        } catch (const Error& error) {
            // The registry drops the upload later.
            log_debug(error.message());
        }
    }
    return false;
}

}  // namespace osb::registry
