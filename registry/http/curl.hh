// libcurl's handles, owned, and its results. Internal to this folder.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

namespace osb::registry {

struct EasyDeleter {
    void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
};
struct MultiDeleter {
    void operator()(CURLM* handle) const noexcept { curl_multi_cleanup(handle); }
};
struct ShareDeleter {
    void operator()(CURLSH* handle) const noexcept { curl_share_cleanup(handle); }
};
struct ListDeleter {
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
using Multi = std::unique_ptr<CURLM, MultiDeleter>;
using Share = std::unique_ptr<CURLSH, ShareDeleter>;
using List = std::unique_ptr<curl_slist, ListDeleter>;

// Throw Error{internal}, std::bad_alloc.
void check(CURLcode code);
void check(CURLMcode code);

// To be called before anything else of the library.
void initialise_curl();

template<typename T>
void set(CURL* handle, CURLoption option, T value) {
    check(curl_easy_setopt(handle, option, value));
}

// Failures of verification, as opposed to those of the connection.
bool is_untrusted(CURLcode code) noexcept;
bool is_unconnected(CURLcode code) noexcept;
// What a proxy said, where a transfer failed at it.
struct ProxyAnswer {
    bool refused = false;  // it does not make the connection that was asked for
    bool transient = false;
    bool wants_password = false;  // another one, or any
};
ProxyAnswer proxy_answer(CURL* handle, CURLcode code);

// What will be no better next time: a certificate that does not verify, a file that cannot be read, nonsense.
bool is_permanent(CURLcode code) noexcept;

// The certificates that libcurl was built to trust: setting others replaces them, so they are added.
const std::string& system_certificates();

}  // namespace osb::registry
