#include "registry/curl.hh"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <new>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

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
