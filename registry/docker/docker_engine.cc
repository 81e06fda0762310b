#include "registry/docker/docker_engine.hh"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"
#include "registry/auth/configuration.hh"
#include "registry/auth/small_file.hh"

namespace osb::registry {
namespace {

constexpr const char* kDefaultHost = "unix:///var/run/docker.sock";
constexpr std::size_t kMaxCertificate = 1024UL * 1024;
constexpr std::size_t kMaxAnswer = 1024UL * 1024;
constexpr std::size_t kMaxMessage = 500;
constexpr auto kPingTime = std::chrono::seconds(30);

// A daemon prepares an archive before it sends the first byte, and unpacks one before it answers.
HttpLimits daemon_limits() {
    HttpLimits out;
    out.connect_timeout = std::chrono::seconds(10);
    out.low_speed_time = std::chrono::minutes(30);
    out.low_speed = 1;
    out.answer_time = std::chrono::minutes(60);
    return out;
}

// The certificates in a directory of docker(1).
std::shared_ptr<const TlsOptions> load_docker_certificates(const std::string& directory) {
    auto out = std::make_shared<TlsOptions>();
    out->ca_pem = read_small_file(directory + "/ca.pem", kMaxCertificate).value_or("");
    const std::string certificate = directory + "/cert.pem";
    const std::string key = directory + "/key.pem";
    if (read_small_file(certificate, kMaxCertificate) && read_small_file(key, kMaxCertificate)) {
        out->client_cert_path = certificate;
        out->client_key_path = key;
    }
    return out;
}

[[noreturn]] void refuse_host(const std::string& host) {
    throw Error(ErrorKind::usage, concat("DOCKER_HOST is ", quoted(host), ", which is not an address"))
        .hint("set it to unix:///PATH or tcp://HOST:PORT; osb-oci does not use ssh://");
}

// Explains why a socket cannot be used, because libcurl only says that it cannot connect.
void check_socket(const std::string& path) {
    if (::access(path.c_str(), R_OK | W_OK) == 0) return;
    const int error = errno;
    throw Error(ErrorKind::unavailable, concat("cannot use the socket: ", std::strerror(error)))  // NOLINT
        .hint(error == EACCES ? "use root, or a user of the socket's group"
                              : "start the daemon, or set DOCKER_HOST to the socket of another one");
}

std::string message_line(std::string text) {
    if (text.size() > kMaxMessage) text.resize(kMaxMessage);
    while (text.ends_with('\n')) text.pop_back();
    return escape(text);
}

// The error in a line of the daemon's report of a load; nullopt if the line is not an error.
std::optional<std::string> reported_error(std::string_view line) {
    if (line.find_first_not_of(" \r") == std::string_view::npos) return std::nullopt;
    const oci::Json json = oci::parse_json(line, "the daemon's report");
    const oci::Json& detail = oci::member_or_null(json, "errorDetail");
    if (detail.is_object()) return oci::text_or_empty(detail, "message");
    if (oci::find_member(json, "error") != nullptr) return oci::text_or_empty(json, "error");
    return std::nullopt;
}

}  // namespace

DockerEnvironment DockerEnvironment::read() {
    std::string certificates = env("DOCKER_CERT_PATH");
    if (certificates.empty()) certificates = env("HOME") + "/.docker";
    return {.host = env("DOCKER_HOST"),
            .tls_verify = !env("DOCKER_TLS_VERIFY").empty(),
            .certificates = std::move(certificates)};
}

DockerEngine::DockerEngine(const DockerEnvironment& environment) : http_(daemon_limits()) {
    constexpr std::string_view kUnix = "unix://";
    constexpr std::string_view kTcp = "tcp://";
    const std::string host = environment.host.empty() ? kDefaultHost : environment.host;
    name_ = concat("docker-daemon at ", quoted(host));
    std::string url = "http://localhost/";
    if (host.starts_with(kUnix)) {
        socket_ = host.substr(kUnix.size());
        if (!socket_.starts_with('/')) refuse_host(host);
    } else if (host.starts_with(kTcp)) {
        std::string address = host.substr(kTcp.size());
        while (address.ends_with('/')) address.pop_back();
        if (address.empty() || address.find_first_of("/?#@") != std::string::npos) refuse_host(host);
        const bool has_port =
            address.find(':', address.starts_with('[') ? address.find(']') : 0) != std::string::npos;
        if (!has_port) address += environment.tls_verify ? ":2376" : ":2375";
        url = concat(environment.tls_verify ? "https://" : "http://", address, '/');
        if (environment.tls_verify) tls_ = load_docker_certificates(environment.certificates);
    } else {
        refuse_host(host);
    }
    const std::optional<Url> parsed = Url::parse(url);
    if (!parsed) refuse_host(host);
    base_ = *parsed;
}

DockerEngine::~DockerEngine() = default;

HttpResponse DockerEngine::send(HttpRequest request, std::string_view target) {
    return with_context(
        [this] { return name_; },
        [&] {
            if (!socket_.empty()) check_socket(socket_);
            request.url = base_;
            request.url.target = target;
            request.tls = tls_;
            request.unix_socket = socket_;
            HttpResponse out;
            try {
                out = http_.send(request);
            } catch (const NetworkError& error) {
                if (error.connected()) throw;
                throw Error(error.kind(), error.message())
                    .hint("start the daemon, or set DOCKER_HOST to the address of another one");
            }
            constexpr int kOk = 200;
            if (out.status != kOk) refuse(out);
            return out;
        });
}

// The message of a response with an error.
void DockerEngine::refuse(HttpResponse& response) const {
    constexpr int kNotFound = 404;
    const std::string body = read_all(*response.body, kMaxAnswer, "the daemon's response");
    std::string message;
    try {
        message = oci::text_or_empty(oci::parse_json(body, "response"), "message");
    } catch (const Error&) {
        message = body;
    }
    throw Error(response.status == kNotFound ? ErrorKind::not_found : ErrorKind::io,
                message.empty() ? concat("HTTP status ", response.status) : message_line(std::move(message)));
}

void DockerEngine::ping() {
    HttpRequest request;
    request.total_time = kPingTime;
    const HttpResponse response = send(std::move(request), "/_ping");
    static_cast<void>(read_all(*response.body, kMaxAnswer, "the daemon's response"));
}

std::unique_ptr<Source> DockerEngine::save(std::string_view image) {
    return send({}, concat("/images/get?names=", percent_encode(image))).body;
}

void DockerEngine::load(ByteView archive) {
    HttpRequest request{.method = "POST", .url = {}, .headers = {{"Content-Type", "application/x-tar"}}};
    request.body = archive;
    const HttpResponse response = send(std::move(request), "/images/load?quiet=1");
    with_context([this] { return name_; },
                 [&] {
                     const std::string report = read_all(*response.body, kMaxAnswer, "the daemon's report");
                     for (std::string_view rest = report; !rest.empty();) {
                         const std::string_view line = rest.substr(0, rest.find('\n'));
                         rest.remove_prefix(std::min(rest.size(), line.size() + 1));
                         if (const auto error = reported_error(line)) {
                             throw Error(ErrorKind::io,
                                         concat("the daemon rejects the image: ", message_line(*error)));
                         }
                     }
                 });
}

}  // namespace osb::registry
