#include "registry/http/curl.hh"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <system_error>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "registry/http/retry.hh"

namespace osb::registry {
namespace {

const char* variable(const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read-only use
    return value != nullptr ? value : "";
}

// Returns "" for a file that cannot be read or holds no certificate, as OpenSSL and Go ignore it.
std::string read_pem(const std::string& path) {
    constexpr std::uintmax_t kMaxBundle = 16UL * 1024 * 1024;
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error) ||
        std::filesystem::file_size(path, error) > kMaxBundle)
        return {};
    std::ifstream file(path, std::ios::binary);
    std::string out(std::istreambuf_iterator<char>(file), {});
    const bool usable = out.find("-----BEGIN CERTIFICATE-----") != std::string::npos;
    return usable ? out : std::string();
}

// All files count, as for Go, not only those with the names that c_rehash(1) makes.
void add_directory(const std::string& directory, std::string& pem) {
    std::error_code error;
    for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
        std::error_code ignored;
        if (entry->is_regular_file(ignored)) pem += concat(read_pem(entry->path().string()), '\n');
    }
}

}  // namespace

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

// The advice for OpenSSL's reason to refuse a certificate; "" for none.
std::string certificate_hint(std::string_view reason) {
    const auto has = [reason](std::string_view words) {
        return reason.find(words) != std::string_view::npos;
    };
    if (has("not yet valid") || has("expired"))
        return "if the certificate is right, set this machine's clock";
    if (has("local issuer") || has("self-signed") || has("self signed"))
        return "if you trust its authority, add that certificate, e.g. as ca.crt in "
               "/etc/containers/certs.d/HOST:PORT";
    return "";
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

std::optional<TransferTimes> transfer_times(CURL* handle) noexcept {
    curl_off_t sent = 0;
    curl_off_t answered = 0;
    curl_off_t ended = 0;
    curl_off_t bytes = 0;
    const bool ok = curl_easy_getinfo(handle, CURLINFO_PRETRANSFER_TIME_T, &sent) == CURLE_OK &&
                    curl_easy_getinfo(handle, CURLINFO_STARTTRANSFER_TIME_T, &answered) == CURLE_OK &&
                    curl_easy_getinfo(handle, CURLINFO_TOTAL_TIME_T, &ended) == CURLE_OK &&
                    curl_easy_getinfo(handle, CURLINFO_SIZE_DOWNLOAD_T, &bytes) == CURLE_OK;
    if (!ok || sent <= 0 || answered < sent || ended < answered || bytes < 0) return std::nullopt;
    return TransferTimes{.wait = std::chrono::microseconds(answered - sent),
                         .body = std::chrono::microseconds(ended - answered),
                         .bytes = static_cast<std::uint64_t>(bytes)};
}

const std::string& system_certificates() {
    static const std::string kPem = [] {
        const curl_version_info_data* info = curl_version_info(CURLVERSION_NOW);
        return concat(info->cainfo == nullptr ? std::string() : read_pem(info->cainfo), '\n',
                      chosen_certificates());
    }();
    return kPem;
}

const std::string& chosen_certificates() {
    static const std::string kPem = [] {
        std::string out;
        const std::string file = variable("SSL_CERT_FILE");
        if (!file.empty()) out = read_pem(file);
        std::string_view directories = variable("SSL_CERT_DIR");
        while (!directories.empty()) {
            const std::size_t end = std::min(directories.find(':'), directories.size());
            add_directory(std::string(directories.substr(0, end)), out);
            directories.remove_prefix(std::min(end + 1, directories.size()));
        }
        return out;
    }();
    return kPem;
}

}  // namespace osb::registry
