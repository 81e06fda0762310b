#include "registry/http/curl.hh"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <new>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "registry/http/retry.hh"

namespace osb::registry {

void check(CURLcode code) {
    if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
    if (code != CURLE_OK) {
        throw Error(ErrorKind::internal, concat("libcurl: ", escape(curl_easy_strerror(code))));
    }
}

void check(CURLMcode code) {
    if (code == CURLM_OUT_OF_MEMORY) throw std::bad_alloc();
    if (code != CURLM_OK) {
        throw Error(ErrorKind::internal, concat("libcurl: ", escape(curl_multi_strerror(code))));
    }
}

void initialise_curl() {
    static const CURLcode kResult = curl_global_init(CURL_GLOBAL_DEFAULT);
    check(kResult);
}

bool is_untrusted(CURLcode code) noexcept {
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_ISSUER_ERROR ||
           code == CURLE_SSL_INVALIDCERTSTATUS || code == CURLE_SSL_PINNEDPUBKEYNOTMATCH;
}

bool is_unconnected(CURLcode code) noexcept {
    return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
           code == CURLE_COULDNT_CONNECT || code == CURLE_SSL_CONNECT_ERROR || is_untrusted(code);
}

ProxyAnswer proxy_answer(CURL* handle, CURLcode code) {
    ProxyAnswer out;
    if (code == CURLE_PROXY) {
        long reason = 0;
        check(curl_easy_getinfo(handle, CURLINFO_PROXY_ERROR, &reason));
        static constexpr std::array<long, 5> kPassing = {
            CURLPX_REPLY_GENERAL_SERVER_FAILURE, CURLPX_REPLY_HOST_UNREACHABLE,
            CURLPX_REPLY_NETWORK_UNREACHABLE, CURLPX_REPLY_CONNECTION_REFUSED, CURLPX_REPLY_TTL_EXPIRED};
        const bool cut = reason >= CURLPX_RECV_ADDRESS && reason <= CURLPX_RECV_REQACK;
        out.refused = true;
        out.transient = cut || std::find(kPassing.begin(), kPassing.end(), reason) != kPassing.end();
        out.wants_password = reason == CURLPX_USER_REJECTED || reason == CURLPX_NO_AUTH;
        return out;
    }
    long status = 0;
    check(curl_easy_getinfo(handle, CURLINFO_HTTP_CONNECTCODE, &status));
    out.refused = status >= 300;
    out.transient = is_transient_status(static_cast<int>(status));
    out.wants_password = status == 407;
    return out;
}

bool is_permanent(CURLcode code) noexcept {
    static constexpr std::array kPermanent = {CURLE_SSL_CERTPROBLEM,    CURLE_SSL_CACERT_BADFILE,
                                              CURLE_SSL_CRL_BADFILE,    CURLE_UNSUPPORTED_PROTOCOL,
                                              CURLE_URL_MALFORMAT,      CURLE_SSL_CIPHER,
                                              CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING};
    return is_untrusted(code) || std::find(kPermanent.begin(), kPermanent.end(), code) != kPermanent.end();
}

const std::string& system_certificates() {
    static const std::string kPem = [] {
        const curl_version_info_data* info = curl_version_info(CURLVERSION_NOW);
        if (info->cainfo == nullptr) return std::string();
        std::ifstream file(info->cainfo, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(file), {});
    }();
    return kPem;
}

}  // namespace osb::registry
