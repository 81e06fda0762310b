// HTTP requests, one at a time or many from many threads, by libcurl, which only this folder knows.
//
// A transfer is driven by the thread that reads it: no data passes between threads, and an interruption or an
// error surfaces where the bytes are wanted. Idle connections are kept and used again. (libcurl does not let
// several threads share its connection cache safely; so each transfer at a time has a cache of its own, and
// the caches are lent out, the one that last spoke to the same server first.) HTTP/2 is used where a server
// offers it in the TLS handshake.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/stream.hh"
#include "registry/http/http_head.hh"
#include "registry/http/proxy_settings.hh"
#include "registry/http/url.hh"

namespace osb::registry {

// What bounds every request.
struct HttpLimits {
    std::chrono::milliseconds connect_timeout{30'000};
    // A transfer that waited this long and moved less than `low_speed` bytes a second meanwhile is given up.
    std::chrono::milliseconds low_speed_time{60'000};
    std::uint64_t low_speed = 1024;
    // For the answer to a request with a body: a registry may have to copy a blob before it answers.
    std::chrono::milliseconds answer_time{300'000};
    HeadLimits head;
};

// How a server proves who it is, and who we are. Shared by the requests to one server.
struct TlsOptions {
    bool verify = true;
    std::string ca_pem;            // certificates trusted beside the system's
    std::string client_cert_path;  // PEM; both or neither
    std::string client_key_path;
};

struct HttpRequest {
    std::string method = "GET";
    Url url;
    HeaderList headers;
    std::optional<ByteView> body;  // borrowed until send() returned
    std::shared_ptr<const TlsOptions> tls;
    // For a small document: the whole transfer must not take longer.
    std::optional<std::chrono::milliseconds> total_time;
};

// The advice for a proxy that answers 407.
inline constexpr const char* kProxyPasswordHint =
    "the proxy requires a user and password: set HTTPS_PROXY or HTTP_PROXY to http://USER:PASSWORD@HOST:PORT";

// A connection failed, broke, stalled, or spoke no HTTP; nothing is known of whether the server acted.
// unavailable, or untrusted where TLS did not verify.
class NetworkError final : public Error {
  public:
    NetworkError(ErrorKind kind, std::string message, bool transient, bool connected,
                 std::optional<std::chrono::milliseconds> asked = std::nullopt)
        : Error(kind, std::move(message)), transient_(transient), connected_(connected), asked_(asked) {}
    // Whether another try may help.
    bool transient() const noexcept { return transient_; }
    // False when no connection came about, the TLS handshake included.
    bool connected() const noexcept { return connected_; }
    // The wait before another try that the server wants, where it says one.
    std::optional<std::chrono::milliseconds> asked() const noexcept { return asked_; }

  private:
    bool transient_;
    bool connected_;
    std::optional<std::chrono::milliseconds> asked_;
};

// The final response to one request. Holds a connection until the body was read to its end, or this goes.
struct HttpResponse {
    int status = 0;
    HeaderList headers;  // names in lower case
    std::unique_ptr<Source> body;

    // find_header() in http_head.hh.
    std::optional<std::string_view> header(std::string_view name) const { return find_header(headers, name); }
    // The decimal number in a header; nothing when it is missing or no such number.
    std::optional<std::uint64_t> number(std::string_view name) const;
};

// Threads may use it at once. It outlives the responses.
class HttpClient {
  public:
    // `proxies`: by default none, whatever the environment says.
    explicit HttpClient(const HttpLimits& limits = {}, ProxySettings proxies = {});
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;
    ~HttpClient();

    // Sends the request with its body, through the proxy that is due, and waits for the headers of the final
    // response, whatever its status. A proxy's answers are never taken for the server's, except where a
    // server is spoken to in plain http: there the proxy answers in its place.
    // Redirects are not followed. Throws NetworkError, Interrupted; so does the body's read(), for which a
    // body that ends before its Content-Length is a transient NetworkError.
    HttpResponse send(const HttpRequest& request);

    struct Pool;  // the idle connections; private to the source file

  private:
    std::shared_ptr<Pool> pool_;
};

}  // namespace osb::registry
