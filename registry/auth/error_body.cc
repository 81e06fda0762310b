#include "registry/auth/error_body.hh"

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"
#include "registry/http/http_head.hh"

namespace osb::registry {
namespace {

using oci::Json;

constexpr std::size_t kMaxBody = 64UL * 1024;
constexpr std::size_t kMaxShown = 200;
constexpr std::size_t kMaxErrors = 3;

std::string read_some(Source& body) {
    std::string out(kMaxBody, '\0');
    try {
        out.resize(read_full(body, {reinterpret_cast<std::uint8_t*>(out.data()), out.size()}));
    } catch (const Error&) {
        // The HTTP status is the more important error.
        out.clear();
    }
    return out;
}

std::string describe_errors(const Json& errors) {
    std::string out;
    std::size_t count = 0;
    for (const Json& error : errors) {
        if (!error.is_object() || ++count > kMaxErrors) continue;
        const std::string code = oci::text_or_empty(error, "code");
        const std::string message = oci::text_or_empty(error, "message");
        out += concat(out.empty() ? "" : "; ", escape(code, kMaxShown),
                      code.empty() || message.empty() ? "" : ": ", escape(message, kMaxShown));
    }
    return out;
}

}  // namespace

std::string describe_error_body(Source& body) {
    const std::string text = read_some(body);
    if (trim(text).empty()) return {};
    std::optional<Json> document;
    try {
        document = oci::parse_json(text, "error");
    } catch (const Error&) {
        // Proxies respond with HTML; use the start of its text.
        document.reset();
    }
    if (document) {
        if (const Json& errors = oci::member_or_null(*document, "errors"); errors.is_array()) {
            if (std::string said = describe_errors(errors); !said.empty()) return said;
        }
        for (const char* key : {"details", "message", "error"}) {
            if (std::string one = oci::text_or_empty(*document, key); !one.empty())
                return escape(one, kMaxShown);
        }
    }
    return escape(trim(text).substr(0, kMaxShown), kMaxShown);
}

}  // namespace osb::registry
