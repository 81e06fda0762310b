// The options of a request, set in a handle of libcurl. Private to this folder.
#pragma once

#include "registry/http/curl.hh"
#include "registry/http/http_client.hh"
#include "registry/http/proxy_settings.hh"

namespace osb::registry {

// Sets the method, the headers and the body, which is borrowed. Returns the list of headers, which the handle
// uses until the transfer has ended. Throws Error{invalid} for a header with a line end.
List set_method(CURL* easy, const HttpRequest& request);

// Sets the verification of the server and the client certificate.
void set_tls(CURL* easy, const TlsOptions& tls);

// Sets the proxy; nullptr: a direct connection, whatever the environment.
void set_proxy(CURL* easy, const Proxy* proxy, const ProxySettings& settings);

}  // namespace osb::registry
