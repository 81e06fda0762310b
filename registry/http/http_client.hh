// HTTP requests through libcurl, which only this folder uses. Any number of threads may send requests.
//
// The thread that reads a transfer also drives it. So an interruption or an error surfaces where the bytes
// are read. Idle connections are reused. Threads cannot share libcurl's connection cache safely, so each
// concurrent transfer has a cache of its own. The pool lends these caches, first the one that last connected
// to the same server.
//
// A server that offers HTTP/2 in the TLS handshake is used with HTTP/2. Small responses from it share one
// connection (shared_multi.hh). Large ones have connections of their own: their readers can then slow the
// server down without stopping others, and several threads decrypt.
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
#include "oci/transports/image_source.hh"
#include "registry/http/http_head.hh"
#include "registry/http/proxy_settings.hh"
#include "registry/http/url.hh"

namespace osb::registry {

// The limits of every request.
struct HttpLimits {
    std::chrono::milliseconds connect_timeout{30'000};
    // A transfer fails if it waited this long and moved fewer than `low_speed` bytes per second in that time.
    std::chrono::milliseconds low_speed_time{60'000};
    std::uint64_t low_speed = 1024;
    // The limit for the response to a request with a body: a registry may copy a blob before it responds.
    std::chrono::milliseconds answer_time{300'000};
    HeadLimits head;
};

// The verification of a server and the client certificate. Requests to one server share it.
struct TlsOptions {
    bool verify = true;
    std::string ca_pem;            // trusted certificates in addition to the system's
    std::string client_cert_path;  // PEM; set both paths or neither
    std::string client_key_path;
};

// An HTTP request.
struct HttpRequest {
    std::string method = "GET";
    Url url;
    HeaderList headers;
    std::optional<ByteView> body;  // borrowed until send() returns
    std::shared_ptr<const TlsOptions> tls;
    std::string unix_socket;  // path of the socket to connect to, instead of the host of the URL; "" for none
    // The limit of the whole transfer, for a small document.
    std::optional<std::chrono::milliseconds> total_time;
    // The response has at most kMaxSmall bytes, if the server does what is asked, and may share a connection.
    bool is_small = false;

    static constexpr std::size_t kMaxSmall = 8UL * 1024 * 1024;
};

// The advice for a proxy that responds with 407.
inline constexpr const char* kProxyPasswordHint =
    "the proxy requires a user and password: set HTTPS_PROXY or HTTP_PROXY to http://USER:PASSWORD@HOST:PORT";

// A connection failed, broke, stalled, or did not use HTTP. It is unknown whether the server acted on the
// request. The kind is unavailable, or untrusted if TLS verification failed.
class NetworkError final : public Error {
  public:
    NetworkError(ErrorKind kind, std::string message, bool transient, bool connected,
                 std::optional<std::chrono::milliseconds> asked = std::nullopt)
        : Error(kind, std::move(message)), transient_(transient), connected_(connected), asked_(asked) {}
    // True if another try may succeed.
    bool transient() const noexcept { return transient_; }
    // False if the connection, including the TLS handshake, was not established.
    bool connected() const noexcept { return connected_; }
    // The delay that the server requests before another try, if any.
    std::optional<std::chrono::milliseconds> asked() const noexcept { return asked_; }

  private:
    bool transient_;
    bool connected_;
    std::optional<std::chrono::milliseconds> asked_;
};

// The final response to a request. It holds a connection until the body is read to its end or this object is
// destroyed.
struct HttpResponse {
    int status = 0;
    HeaderList headers;  // names in lower case
    std::unique_ptr<Source> body;

    // Calls find_header() in http_head.hh.
    std::optional<std::string_view> header(std::string_view name) const { return find_header(headers, name); }
    // The decimal number in a header; nullopt if it is missing or malformed.
    std::optional<std::uint64_t> number(std::string_view name) const;
};

// Sends requests over a pool of connections. Thread-safe. It must outlive its responses.
class HttpClient {
  public:
    // `proxies`: the default is no proxy, whatever the environment.
    explicit HttpClient(const HttpLimits& limits = {}, ProxySettings proxies = {});
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;
    ~HttpClient();

    // Sends the request and its body, through the configured proxy, and waits for the headers of the final
    // response, whatever its status. Responses of a proxy are not mistaken for those of the server, except
    // for a server over plain http, where the proxy responds in its place. Does not follow redirects. Throws
    // NetworkError and Interrupted. The body's read() throws them too: a body that ends before its
    // Content-Length is a transient NetworkError.
    HttpResponse send(const HttpRequest& request);

    // The requests of this client that were answered so far, and the bytes of the bodies of their responses
    // that were received.
    oci::Traffic traffic() const;

    struct Pool;  // the idle connections; private to the source file

  private:
    std::shared_ptr<Pool> pool_;
};

}  // namespace osb::registry
