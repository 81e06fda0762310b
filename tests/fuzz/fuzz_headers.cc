// The head of a registry's response, and everything that is read out of its headers: challenges, Link,
// Content-Range, Range, Retry-After.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "registry/auth/challenge.hh"
#include "registry/distribution/listing.hh"
#include "registry/http/content_range.hh"
#include "registry/http/http_head.hh"
#include "registry/http/retry.hh"
#include "tests/fuzz/fuzz_support.hh"

namespace {

using namespace osb;
using namespace osb::registry;
using fuzz::require;

constexpr std::size_t kMaxHeaders = 64;

HttpHead read_head(std::string_view text) {
    HttpHead head({.max_headers = kMaxHeaders, .max_bytes = 8192});
    while (!text.empty() && !head.complete()) {
        const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
        head.add_line(text.substr(0, end));
        text.remove_prefix(end);
    }
    return head;
}

void check_challenges(const HeaderList& headers) {
    const std::vector<Challenge> challenges = parse_challenges(headers);
    require(challenges.size() <= 16);
    HeaderList again;
    for (const Challenge& challenge : challenges) {
        require(!challenge.scheme.empty() && to_lower(challenge.scheme) == challenge.scheme);
        std::string value = challenge.scheme;
        for (const auto& [name, text] : challenge.params) {
            value += concat(value == challenge.scheme ? " " : ", ", name, "=\"");
            for (const char c : text)
                value += (c == '"' || c == '\\') ? std::string{'\\', c} : std::string{c};
            value += '"';
        }
        again.emplace_back("www-authenticate", value);
    }
    const std::vector<Challenge> second = parse_challenges(again);
    require(second.size() == challenges.size());
    for (std::size_t i = 0; i < second.size(); ++i)
        require(second[i].scheme == challenges[i].scheme && second[i].params == challenges[i].params);
}

// The target is text that stands between the angle brackets of a header; with the relation that we look for
// it is found whatever it is.
void check_link(const HeaderList& headers) {
    const std::optional<std::string> link = next_link(headers);
    if (!link) return;
    require(link->find('>') == std::string::npos);
    const bool is_there = std::any_of(headers.begin(), headers.end(), [&](const auto& header) {
        return header.first == "link" && header.second.find(concat('<', *link, '>')) != std::string::npos;
    });
    require(is_there);
    require(next_link({{"link", concat("</other>; rel=last, <", *link, ">; rel=\"next\"")}}) == link);
}

void check_ranges(std::string_view text) {
    if (const auto range = parse_content_range(text)) {
        require(range->first <= range->last);
        const auto again = parse_content_range(concat("Bytes ", range->first, '-', range->last, '/',
                                                      range->total ? std::to_string(*range->total) : "*"));
        require(again && again->first == range->first && again->last == range->last &&
                again->total == range->total);
    }
    if (const auto size = parse_upload_range(text)) {
        require(*size > 0 && parse_upload_range(concat("0-", *size - 1)) == size);
    }
}

void check_retry_after(std::string_view text) {
    const auto now = std::chrono::system_clock::from_time_t(1'700'000'000);
    if (const auto wait = parse_retry_after(text, now)) require(wait->count() >= 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});
    const std::string_view line = text.substr(0, text.find('\n'));
    check_ranges(line);
    check_retry_after(line);
    fuzz::accepts([&] {
        HttpHead head = read_head(text);
        const HeaderList& headers = head.headers();
        require(headers.size() <= kMaxHeaders);
        for (const auto& [name, value] : headers) require(to_lower(name) == name && trim(value) == value);
        check_challenges(headers);
        check_link(headers);
        for (const char* name : {"content-range", "range", "retry-after"}) {
            const auto value = find_header(headers, name);
            if (!value) continue;
            check_ranges(*value);
            check_retry_after(*value);
        }
    });
    return 0;
}
