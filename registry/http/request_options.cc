#include "registry/http/request_options.hh"

#include <algorithm>
#include <new>
#include <string>
#include <string_view>

#include "base/escape.hh"

namespace osb::registry {
namespace {

void add_header(List& headers, const std::string& line) {
    curl_slist* longer = curl_slist_append(headers.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    static_cast<void>(headers.release());  // the list now begins with `longer`
    headers.reset(longer);
}

}  // namespace

List set_method(CURL* easy, const HttpRequest& request) {
    List headers;
    if (request.body) {
        set(easy, CURLOPT_POST, 1L);
        set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
        set(easy, CURLOPT_POSTFIELDS,
            request.body->empty() ? "" : reinterpret_cast<const char*>(request.body->data()));
        add_header(headers, "Expect:");
        const bool typed = std::any_of(request.headers.begin(), request.headers.end(),
                                       [](const auto& h) { return to_lower(h.first) == "content-type"; });
        if (!typed) add_header(headers, "Content-Type:");
    } else if (request.method == "HEAD") {
        set(easy, CURLOPT_NOBODY, 1L);
    }
    if (request.method != "HEAD") set(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    for (const auto& [name, value] : request.headers) {
        if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
            throw Error(ErrorKind::invalid, concat("header ", quoted(name), " holds a control character"));
        }
        add_header(headers, concat(name, ": ", value));
    }
    set(easy, CURLOPT_HTTPHEADER, headers.get());
    return headers;
}

void set_tls(CURL* easy, const TlsOptions& tls) {
    set(easy, CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
    set(easy, CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
    if (!tls.verify) {
        // Otherwise libcurl would read the certificates for every connection.
        set(easy, CURLOPT_CAINFO, static_cast<const char*>(nullptr));
        set(easy, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    } else if (!tls.ca_pem.empty() || !chosen_certificates().empty()) {
        std::string pem = concat(system_certificates(), '\n', tls.ca_pem);
        curl_blob blob{pem.data(), pem.size(), CURL_BLOB_COPY};
        set(easy, CURLOPT_CAINFO_BLOB, &blob);
    }
    if (!tls.client_cert_path.empty()) {
        set(easy, CURLOPT_SSLCERT, tls.client_cert_path.c_str());
        set(easy, CURLOPT_SSLKEY, tls.client_key_path.c_str());
        set(easy, CURLOPT_KEYPASSWD, "");  // without it, OpenSSL asks on the terminal and waits
    }
}

void set_proxy(CURL* easy, const Proxy* proxy, const ProxySettings& settings) {
    // Always set both, because libcurl otherwise reads the environment with rules of its own.
    const std::string name = proxy != nullptr ? proxy->to_string() : std::string();
    set(easy, CURLOPT_PROXY, name.c_str());
    set(easy, CURLOPT_NOPROXY, "");
    // Keep the headers of the proxy's response to CONNECT and of the server's response separate.
    set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(easy, CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
    if (proxy == nullptr) return;
    if (!proxy->user.empty() || !proxy->password.empty()) {
        set(easy, CURLOPT_PROXYUSERNAME, proxy->user.c_str());
        set(easy, CURLOPT_PROXYPASSWORD, proxy->password.c_str());
    }
    if (proxy->kind != ProxyKind::https) return;
    set(easy, CURLOPT_PROXY_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    const auto& lookup = settings.tls;
    const auto tls = lookup ? lookup(proxy->host_port()) : nullptr;
    const std::string own = tls ? tls->ca_pem : std::string();
    if (!own.empty() || !chosen_certificates().empty()) {
        std::string pem = concat(system_certificates(), '\n', own);
        curl_blob blob{pem.data(), pem.size(), CURL_BLOB_COPY};
        set(easy, CURLOPT_PROXY_CAINFO_BLOB, &blob);
    }
    if (tls && !tls->client_cert_path.empty()) {
        set(easy, CURLOPT_PROXY_SSLCERT, tls->client_cert_path.c_str());
        set(easy, CURLOPT_PROXY_SSLKEY, tls->client_key_path.c_str());
        set(easy, CURLOPT_PROXY_KEYPASSWD, "");
    }
}

}  // namespace osb::registry
