#include "base/stored_error.hh"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <iterator>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "base/bytes.hh"
#include "base/escape.hh"
#include "base/secret.hh"

namespace osb {
namespace {

constexpr std::size_t kFields = 4;
constexpr std::size_t kMaxText = 16UL * 1024;
constexpr std::size_t kMaxCode = 40;

constexpr std::array kKinds{ErrorKind::internal,        ErrorKind::not_found,   ErrorKind::io,
                            ErrorKind::refused,         ErrorKind::usage,       ErrorKind::invalid,
                            ErrorKind::digest_mismatch, ErrorKind::unsupported, ErrorKind::too_large,
                            ErrorKind::untrusted,       ErrorKind::unavailable, ErrorKind::no_space,
                            ErrorKind::nothing_new};

std::optional<ErrorKind> parse_kind(std::string_view name) {
    const auto* const kind =
        std::find_if(kKinds.begin(), kKinds.end(), [&](ErrorKind one) { return to_string(one) == name; });
    return kind != kKinds.end() ? std::optional(*kind) : std::nullopt;
}

// Codes live as long as the program, like literals.
std::optional<std::string_view> keep_code(std::string_view code) {
    constexpr std::size_t kMaxCodes = 64;
    const bool is_code = !code.empty() && code.size() <= kMaxCode &&
                         code.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
    if (!is_code) return std::nullopt;
    static std::mutex mutex;
    static std::set<std::string, std::less<>> codes;
    const std::lock_guard lock(mutex);
    const auto known = codes.find(code);
    if (known != codes.end()) return *known;
    if (codes.size() == kMaxCodes) return std::nullopt;
    return *codes.emplace(code).first;
}

}  // namespace

std::string store_error(const Error& error) {
    std::string out;
    // The other process does not know the secrets of this one.
    const std::string message = without_secrets(error.message());
    const std::string hint = without_secrets(error.hint());
    for (const std::string_view field :
         {to_string(error.kind()), error.code(), std::string_view(message), std::string_view(hint)}) {
        if (!out.empty()) out.push_back('\0');
        std::copy_if(field.begin(), field.end(), std::back_inserter(out), [](char c) { return c != '\0'; });
    }
    return out;
}

Error parse_error(std::string_view text) {
    std::array<std::string_view, kFields> fields;
    for (std::string_view& field : fields) {
        const std::size_t end = std::min(text.find('\0'), text.size());
        field = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    const std::optional<ErrorKind> kind = parse_kind(fields[0]);
    if (!kind) return {ErrorKind::internal, "a process reported a malformed error"};
    Error out(*kind, escape_rest(fields[2], kMaxText));
    out.hint(escape_rest(fields[3], kMaxText));
    if (fields[1] == to_string(*kind)) return out;
    if (const auto code = keep_code(fields[1])) out.code(*code);
    return out;
}

}  // namespace osb
