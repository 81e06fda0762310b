#include "system/upgrade/release_order.hh"

#include <algorithm>
#include <array>
#include <vector>

namespace osb::system {
namespace {

enum class PartKind { pre_release, number, word };  // in their order; a missing part is after pre_release

struct Part {
    PartKind kind = PartKind::number;
    std::string_view text;  // of a number without leading zeros
};

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

bool is_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool names_pre_release(std::string_view word) {
    constexpr std::array<std::string_view, 4> kNames{"alpha", "beta", "pre", "rc"};
    return std::find(kNames.begin(), kNames.end(), word) != kNames.end();
}

std::vector<Part> parts_of(std::string_view version) {
    std::vector<Part> out;
    for (std::size_t i = 0; i < version.size();) {
        const auto is_one = is_digit(version[i]) ? is_digit : is_letter;
        std::size_t end = i;
        while (end < version.size() && is_one(version[end])) ++end;
        if (end == i) {
            ++i;  // a separator
            continue;
        }
        std::string_view text = version.substr(i, end - i);
        i = end;
        if (is_digit(text.front())) {
            text.remove_prefix(std::min(text.find_first_not_of('0'), text.size() - 1));
            out.push_back({PartKind::number, text});
        } else {
            out.push_back({names_pre_release(text) ? PartKind::pre_release : PartKind::word, text});
        }
    }
    return out;
}

int compare(const Part& a, const Part& b) {
    // After an equal prefix, a word is older than a number: "1.a" < "1.1".
    if (a.kind != b.kind) {
        const auto rank = [](PartKind kind) { return kind == PartKind::number ? 2 : kind == PartKind::word; };
        return rank(a.kind) < rank(b.kind) ? -1 : 1;
    }
    if (a.kind == PartKind::number && a.text.size() != b.text.size())
        return a.text.size() < b.text.size() ? -1 : 1;
    const int order = a.text.compare(b.text);
    return order < 0 ? -1 : order > 0 ? 1 : 0;
}

// Returns the text before the first number, without the "v" of "v1.2".
std::string_view series_of(std::string_view version) {
    const std::string_view before = version.substr(0, version.find_first_of("0123456789"));
    return before == "v" ? std::string_view() : before;
}

// An abbreviated hash has at least seven digits, of which one is a letter.
bool is_hash(std::string_view version) {
    constexpr std::size_t kShortestHash = 7;
    return version.size() >= kShortestHash &&
           version.find_first_not_of("0123456789abcdef") == std::string_view::npos &&
           version.find_first_of("abcdef") != std::string_view::npos;
}

bool have_an_order(std::string_view a, std::string_view b) {
    const auto is_numbered = [](std::string_view version) {
        return version.find_first_of("0123456789") != std::string_view::npos && !is_hash(version);
    };
    return is_numbered(a) && is_numbered(b) && series_of(a) == series_of(b);
}

}  // namespace

int compare_versions(std::string_view a, std::string_view b) {
    const std::vector<Part> left = parts_of(a);
    const std::vector<Part> right = parts_of(b);
    const std::size_t common = std::min(left.size(), right.size());
    for (std::size_t i = 0; i < common; ++i) {
        if (const int order = compare(left[i], right[i]); order != 0) return order;
    }
    if (left.size() == right.size()) return 0;
    const bool left_is_longer = left.size() > right.size();
    const Part& more = left_is_longer ? left[common] : right[common];
    const bool longer_is_later = more.kind != PartKind::pre_release;
    return left_is_longer == longer_is_later ? 1 : -1;
}

bool is_older(const Release& candidate, const Release& present) {
    if (have_an_order(candidate.version, present.version)) {
        if (const int order = compare_versions(candidate.version, present.version); order != 0)
            return order < 0;
    }
    return candidate.time != 0 && present.time != 0 && candidate.time < present.time;
}

ReleasePair without_impossible_times(ReleasePair releases, std::uint64_t now) {
    constexpr std::uint64_t kDay = 86400;
    const auto is_impossible = [&](const Release& one, const Release& other) {
        return one.time > now && one.time - now > kDay && other.time != 0 && now > other.time;
    };
    if (is_impossible(releases.candidate, releases.present)) {
        releases.candidate.time = 0;
    } else if (is_impossible(releases.present, releases.candidate)) {
        releases.present.time = 0;
    }
    return releases;
}

}  // namespace osb::system
