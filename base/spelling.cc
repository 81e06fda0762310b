#include "base/spelling.hh"

#include <algorithm>

namespace osb {
namespace {

constexpr std::size_t kLongestWord = 256;

std::size_t most_edits(std::string_view word) {
    constexpr std::size_t kAlways = 2;
    return std::min(std::max(kAlways, word.size() / 3), word.size() / 2);
}

std::size_t difference(std::size_t a, std::size_t b) {
    return a > b ? a - b : b - a;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
    // Three rows of the table of distances between the prefixes of `a` and those of `b`.
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> above(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before.swap(above);
        above.swap(row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
        }
    }
    return row[b.size()];
}

std::optional<std::string> nearest_name(std::string_view word, const std::vector<std::string>& candidates) {
    if (word.size() > kLongestWord) return std::nullopt;
    const std::string* nearest = nullptr;
    std::size_t least = most_edits(word) + 1;
    for (const std::string& candidate : candidates) {
        // The difference in length is the minimum number of edits.
        if (difference(word.size(), candidate.size()) >= least) continue;
        const std::size_t distance = edit_distance(word, candidate);
        if (distance >= least) continue;
        least = distance;
        nearest = &candidate;
    }
    return nearest == nullptr ? std::nullopt : std::optional(*nearest);
}

}  // namespace osb
