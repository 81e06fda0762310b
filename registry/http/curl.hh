// Owned handles of libcurl, and checks of its results. Private to this folder.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

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

// Throw Error{internal} or std::bad_alloc.
void check(CURLcode code);
void check(CURLMcode code);

// Initialises the library. Call it before any other function of the library.
void initialise_curl();

template<typename T>
void set(CURL* handle, CURLoption option, T value) {
    check(curl_easy_setopt(handle, option, value));
}

// True if the verification of certificates failed (is_untrusted), or no connection was made (is_unconnected).
bool is_untrusted(CURLcode code) noexcept;
bool is_unconnected(CURLcode code) noexcept;
// The answer of a proxy at which a transfer failed.
struct ProxyAnswer {
    bool refused = false;  // it refuses to make the connection
    bool transient = false;
    bool wants_password = false;  // it requires a password, or another one
};
ProxyAnswer proxy_answer(CURL* handle, CURLcode code);

// Of a transfer that has ended.
struct TransferTimes {
    std::chrono::microseconds wait;  // from the request to the first byte of the response
    std::chrono::microseconds body;  // from there to the last byte
    std::uint64_t bytes;             // of the body
};
// Nothing if libcurl does not know them.
std::optional<TransferTimes> transfer_times(CURL* handle) noexcept;

// True if a retry cannot succeed: an invalid certificate, an unreadable file, a malformed response.
bool is_permanent(CURLcode code) noexcept;

// The advice for OpenSSL's reason to refuse a certificate; "" for none.
std::string certificate_hint(std::string_view reason);

// The default certificates of libcurl and the chosen ones. Setting others replaces these, so they are added
// to the others.
const std::string& system_certificates();

// The certificates of $SSL_CERT_FILE and of all files in the directories of $SSL_CERT_DIR, in which OpenSSL
// and programs in Go look for authorities, and libcurl does not; "" if there are none.
const std::string& chosen_certificates();

}  // namespace osb::registry
