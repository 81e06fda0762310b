#include "registry/http/content_range.hh"

#include <limits>

#include "registry/http/http_head.hh"

namespace osb::registry {

std::optional<ContentRange> parse_content_range(std::string_view text) {
    constexpr std::string_view kUnit = "bytes ";
    if (to_lower(text.substr(0, kUnit.size())) != kUnit) return std::nullopt;
    text.remove_prefix(kUnit.size());
    const std::size_t dash = text.find('-');
    const std::size_t slash = text.find('/');
    if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash)
        return std::nullopt;
    const auto first = parse_number(text.substr(0, dash));
    const auto last = parse_number(text.substr(dash + 1, slash - dash - 1));
    const auto total = parse_number(text.substr(slash + 1));
    if (!first || !last || *last < *first || (!total && text.substr(slash + 1) != "*")) return std::nullopt;
    return ContentRange{.first = *first, .last = *last, .total = total};
}

std::optional<std::uint64_t> parse_upload_range(std::string_view text) {
    constexpr std::string_view kUnit = "bytes=";
    if (text.starts_with(kUnit)) text.remove_prefix(kUnit.size());
    if (!text.starts_with("0-")) return std::nullopt;
    const auto last = parse_number(text.substr(2));
    if (!last || *last == std::numeric_limits<std::uint64_t>::max()) return std::nullopt;
    return *last + 1;
}

}  // namespace osb::registry
