#include "tests/support/fake_registry.hh"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/base64.hh"
#include "base/bytes.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/json.hh"
#include "registry/http/http_head.hh"

namespace osb::test {
namespace {

FakeResponse error(int status, const std::string& code) {
    return {.status = status,
            .headers = {{"Content-Type", "application/json"}},
            .body = R"({"errors":[{"code":")" + code + R"(","message":"no"}]})"};
}

std::string digest_of(const std::string& content) {
    return oci::Digest::of(as_bytes(content)).to_string();
}

std::size_t number(std::string_view text) {
    return static_cast<std::size_t>(registry::parse_number(text).value_or(0));
}

}  // namespace

std::string FakeRequest::header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
}

std::string FakeRequest::param(const std::string& name) const {
    const auto found = query.find(name);
    return found == query.end() ? std::string() : found->second;
}

std::string FakeRegistry::add_blob(const std::string& content, const std::string& repository) {
    const std::lock_guard guard(mutex_);
    std::string digest = digest_of(content);
    blobs_[repository + '@' + digest] = content;
    return digest;
}

std::string FakeRegistry::add_manifest(const std::string& tag, const std::string& raw,
                                       const std::string& media_type, const std::string& repository) {
    const std::lock_guard guard(mutex_);
    std::string digest = digest_of(raw);
    manifests_[repository + '@' + digest] = {raw, media_type};
    if (!tag.empty()) tags_[repository + ':' + tag] = digest;
    return digest;
}

std::optional<std::string> FakeRegistry::blob(const std::string& digest, const std::string& repository) {
    const std::lock_guard guard(mutex_);
    const auto found = blobs_.find(repository + '@' + digest);
    return found == blobs_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> FakeRegistry::manifest(const std::string& reference,
                                                  const std::string& repository) {
    const std::lock_guard guard(mutex_);
    const auto tag = tags_.find(repository + ':' + reference);
    const auto found = manifests_.find(repository + '@' + (tag == tags_.end() ? reference : tag->second));
    return found == manifests_.end() ? std::nullopt : std::optional(found->second.raw);
}

void FakeRegistry::remove_tags() {
    const std::lock_guard lock(mutex_);
    tags_.clear();
}

std::size_t FakeRegistry::open_uploads() {
    const std::lock_guard guard(mutex_);
    return uploads_.size();
}

std::vector<FakeRequest> FakeRegistry::requests() {
    const std::lock_guard guard(mutex_);
    return requests_;
}

std::size_t FakeRegistry::count(const std::string& method, const std::string& path_part) {
    const std::lock_guard guard(mutex_);
    return static_cast<std::size_t>(
        std::count_if(requests_.begin(), requests_.end(), [&](const FakeRequest& r) {
            return r.method == method && r.target.find(path_part) != std::string::npos;
        }));
}

void FakeRegistry::revoke_tokens() {
    const std::lock_guard guard(mutex_);
    tokens_.clear();
}

// All that follows runs with mutex_ held.

FakeResponse FakeRegistry::answer(const FakeRequest& request) {
    if (request.path == "/token") return answer_token(request);
    if (auto denied = check_authorization(request)) return *denied;
    if (request.path == "/v2/") return {.body = "{}"};
    if (!request.path.starts_with("/v2/")) return error(404, "UNSUPPORTED");
    for (const std::string part :
         {"/manifests/", "/blobs/uploads/", "/blobs/", "/tags/list", "/referrers/"}) {
        const std::size_t at = request.path.rfind(part);
        if (at == std::string::npos || at < 4) continue;
        const std::string repository = request.path.substr(4, at - 4);
        const std::string rest = request.path.substr(at + part.size());
        if (part == "/manifests/") return answer_manifest(request, repository, rest);
        if (part == "/blobs/uploads/" && rest.empty()) return start_upload(request, repository);
        if (part == "/blobs/uploads/") return answer_upload(request, repository, rest);
        if (part == "/blobs/") return answer_blob(request, repository, rest);
        if (part == "/tags/list") return answer_tags(request, repository);
        return answer_referrers(request, repository, rest);
    }
    return error(404, "UNSUPPORTED");
}

std::optional<FakeResponse> FakeRegistry::check_authorization(const FakeRequest& request) {
    const std::string given = request.header("authorization");
    FakeResponse denied = error(401, "UNAUTHORIZED");
    if (!bearer_user.empty()) {
        if (given.starts_with("Bearer ") && tokens_.contains(given.substr(7))) return std::nullopt;
        denied.headers.emplace_back(
            "WWW-Authenticate", "Negotiate, Bearer realm=\"" + (realm.empty() ? url() + "/token" : realm) +
                                    R"(",service="fake, the registry",scope="repository:repo:pull")");
        return denied;
    }
    if (!basic_user.empty()) {
        if (given == "Basic " + encode_base64(basic_user)) return std::nullopt;
        denied.headers.emplace_back("WWW-Authenticate", "BASIC realm=\"fake\"");
        return denied;
    }
    return std::nullopt;
}

FakeResponse FakeRegistry::answer_token(const FakeRequest& request) {
    const bool refresh =
        request.method == "POST" && request.body.find("refresh_token=idtoken") != std::string::npos;
    const bool known = request.header("authorization") == "Basic " + encode_base64(bearer_user);
    if (bearer_user != "-" && !known && !refresh) return error(401, "UNAUTHORIZED");
    const std::string token = "token-" + std::to_string(++next_id_);
    tokens_.insert(token);
    return {.headers = {{"Content-Type", "application/json"}},
            .body = R"({"token":")" + token + R"(","expires_in":)" + std::to_string(token_life.load()) + "}"};
}

FakeResponse FakeRegistry::put_manifest(const FakeRequest& request, const std::string& repository,
                                        const std::string& reference) {
    const std::string digest = digest_of(request.body);
    const bool by_digest = reference.find(':') != std::string::npos;
    if (by_digest && reference != digest) return error(400, "DIGEST_INVALID");
    const std::string tag = repository + ':' + reference;
    const std::string match = request.header("if-match");
    if (etags && !match.empty() && (!tags_.contains(tag) || match != '"' + tags_[tag] + '"'))
        return error(412, "PRECONDITION");
    // A registry refuses manifests whose blobs it lacks.
    const oci::Json document = oci::parse_json(request.body, "manifest");
    std::vector<std::string> needed;
    if (document.contains("config")) needed.push_back(document["config"]["digest"].get<std::string>());
    if (document.contains("layers")) {
        for (const auto& layer : document["layers"]) needed.push_back(layer["digest"].get<std::string>());
    }
    for (const std::string& one : needed) {
        if (!blobs_.contains(concat(repository, '@', one))) return error(404, "MANIFEST_BLOB_UNKNOWN");
    }
    manifests_[repository + '@' + digest] = {request.body, request.header("content-type")};
    if (!by_digest) tags_[tag] = digest;
    FakeResponse out{.status = 201,
                     .headers = {{"Location", request.path}, {"Docker-Content-Digest", digest}}};
    if (referrers && document.contains("subject")) {
        out.headers.emplace_back("OCI-Subject", document["subject"]["digest"].get<std::string>());
    }
    for (auto [one, end] = request.query.equal_range("tag"); tags_with_digest && one != end; ++one) {
        tags_[repository + ':' + one->second] = digest;
        out.headers.emplace_back("OCI-Tag", one->second);
    }
    return out;
}

FakeResponse FakeRegistry::answer_manifest(const FakeRequest& request, const std::string& repository,
                                           const std::string& reference) {
    if (request.method == "PUT") return put_manifest(request, repository, reference);
    const auto tag = tags_.find(repository + ':' + reference);
    const std::string digest = tag == tags_.end() ? reference : tag->second;
    const auto found = manifests_.find(repository + '@' + digest);
    if (found == manifests_.end()) return error(404, "MANIFEST_UNKNOWN");
    if (request.method == "DELETE") {
        if (!deletes) return error(405, "UNSUPPORTED");
        manifests_.erase(found);
        return {.status = 202};
    }
    FakeResponse out{
        .headers = {{"Content-Type", found->second.media_type}, {"Docker-Content-Digest", digest}},
        .body = found->second.raw};
    if (etags) out.headers.emplace_back("ETag", '"' + digest + '"');
    return out;
}

FakeResponse FakeRegistry::answer_blob(const FakeRequest& request, const std::string& repository,
                                       const std::string& digest) {
    const auto found = blobs_.find(repository + '@' + digest);
    if (found == blobs_.end()) return error(404, "BLOB_UNKNOWN");
    if (request.method == "DELETE") {
        if (!deletes) return error(405, "UNSUPPORTED");
        blobs_.erase(found);
        return {.status = 202};
    }
    FakeResponse out{
        .headers = {{"Content-Type", "application/octet-stream"}, {"Docker-Content-Digest", digest}},
        .body = found->second};
    const std::string range = request.header("range");
    if (!ranges || !range.starts_with("bytes=")) return out;
    const std::size_t total = out.body.size();
    const std::size_t first = number(std::string_view(range).substr(6, range.find('-') - 6));
    if (first >= total) return error(416, "RANGE_INVALID");
    const std::string_view end = std::string_view(range).substr(range.find('-') + 1);
    const std::size_t last = end.empty() ? total - 1 : std::min(number(end), total - 1);
    out.status = 206;
    out.body = out.body.substr(first, last + 1 - first);
    out.headers.emplace_back("Content-Range", concat("bytes ", first, '-', last, '/', total));
    return out;
}

std::string FakeRegistry::location_of(const std::string& id) {
    const Upload& upload = uploads_.at(id);
    std::string out = relative_locations ? std::string() : url();
    out += "/v2/" + upload.repository + "/blobs/uploads/" + id;
    if (location_query) out += "?_state=" + std::to_string(upload.state) + "&x=%2F";
    return out;
}

FakeResponse FakeRegistry::start_upload(const FakeRequest& request, const std::string& repository) {
    const std::string wanted = request.param("mount");
    const auto source = blobs_.find(request.param("from") + '@' + wanted);
    if (!wanted.empty() && mounts && source != blobs_.end()) {
        blobs_[repository + '@' + wanted] = source->second;
        return {.status = 201, .headers = {{"Location", "/v2/" + repository + "/blobs/" + wanted}}};
    }
    const std::string id = "upload-" + std::to_string(++next_id_);
    uploads_[id] = {.repository = repository, .content = {}, .state = 1};
    FakeResponse out{.status = 202, .headers = {{"Location", location_of(id)}, {"Range", "0-0"}}};
    if (chunk_min > 0) out.headers.emplace_back("OCI-Chunk-Min-Length", std::to_string(chunk_min));
    return out;
}

FakeResponse FakeRegistry::answer_upload(const FakeRequest& request, const std::string& repository,
                                         const std::string& id) {
    const auto found = uploads_.find(id);
    if (found == uploads_.end() || found->second.repository != repository)
        return error(404, "BLOB_UPLOAD_UNKNOWN");
    Upload& upload = found->second;
    const std::size_t size = upload.content.size();
    const auto range = [&upload] {
        return concat("0-", upload.content.empty() ? 0 : upload.content.size() - 1);
    };
    if (request.method == "GET") {
        return {.status = 204, .headers = {{"Location", location_of(id)}, {"Range", range()}}};
    }
    if (request.method == "DELETE") {
        uploads_.erase(found);
        return {.status = 204};
    }
    if (location_query && request.param("_state") != std::to_string(upload.state)) {
        return error(404, "BLOB_UPLOAD_UNKNOWN");
    }
    const std::string content_range = request.header("content-range");
    const std::size_t first = number(std::string_view(content_range).substr(0, content_range.find('-')));
    if (strict_ranges && !content_range.empty() && first != size) {
        FakeResponse out = error(416, "RANGE_INVALID");
        out.headers.emplace_back("Location", location_of(id));
        out.headers.emplace_back("Range", range());
        return out;
    }
    if (upload.ended && !request.body.empty()) return error(400, "SIZE_INVALID");
    upload.content += request.body;
    if (request.method == "PUT") return finish_upload(request, id);
    upload.ended = request.body.size() < chunk_min;
    ++upload.state;
    return {.status = 202, .headers = {{"Location", location_of(id)}, {"Range", range()}}};
}

FakeResponse FakeRegistry::finish_upload(const FakeRequest& request, const std::string& id) {
    const Upload upload = uploads_.at(id);
    const std::string digest = request.param("digest");
    uploads_.erase(id);
    if (digest != digest_of(upload.content)) return error(400, "DIGEST_INVALID");
    blobs_[upload.repository + '@' + digest] = upload.content;
    return {.status = 201, .headers = {{"Location", "/v2/" + upload.repository + "/blobs/" + digest}}};
}

FakeResponse FakeRegistry::answer_tags(const FakeRequest& request, const std::string& repository) {
    const std::string last = request.param("last");
    std::vector<std::string> names;
    const std::string prefix = repository + ':';
    for (const auto& [key, digest] : tags_) {
        if (key.starts_with(prefix) && key.substr(prefix.size()) > last)
            names.push_back(key.substr(prefix.size()));
    }
    FakeResponse out{.headers = {{"Content-Type", "application/json"}}};
    if (names.size() > page) {
        names.resize(page);
        out.headers.emplace_back("Link", "</v2/" + repository + "/tags/list?last=" + names.back() +
                                             "&n=" + std::to_string(page) + ">; rel=\"next\"");
    }
    oci::Json body{{"name", repository}, {"tags", nullptr}};
    if (!names.empty()) body["tags"] = names;
    out.body = body.dump();
    return out;
}

FakeResponse FakeRegistry::answer_referrers(const FakeRequest& request, const std::string& repository,
                                            const std::string& digest) {
    static_cast<void>(request);
    if (!referrers) return error(404, "NOT_FOUND");
    oci::Json entries = oci::Json::array();
    for (const auto& [key, manifest] : manifests_) {
        if (!key.starts_with(repository + '@')) continue;
        const oci::Json document = oci::parse_json(manifest.raw, "manifest");
        if (!document.contains("subject") || document["subject"]["digest"] != digest) continue;
        entries.push_back({{"mediaType", manifest.media_type},
                           {"digest", digest_of(manifest.raw)},
                           {"size", manifest.raw.size()},
                           {"artifactType", document.value("artifactType", "")}});
    }
    const oci::Json index{{"schemaVersion", 2},
                          {"mediaType", "application/vnd.oci.image.index.v1+json"},
                          {"manifests", entries}};
    return {.headers = {{"Content-Type", "application/vnd.oci.image.index.v1+json"}}, .body = index.dump()};
}

}  // namespace osb::test
