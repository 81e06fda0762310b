#include "registry/http/http_versions.hh"

#include <curl/curl.h>
#include <openssl/crypto.h>

namespace osb::registry {

std::vector<LibraryVersion> http_versions() {
    return {{"libcurl", curl_version_info(CURLVERSION_NOW)->version},
            {"OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING)}};
}

}  // namespace osb::registry
