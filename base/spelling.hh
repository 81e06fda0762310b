// Suggestions for mistyped names: "did you mean ...?".
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace osb {

// The minimum number of single-character edits that turn `a` into `b`: insertions, deletions, replacements
// and swaps of two neighbours (the optimal string alignment distance). Counts bytes.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate that is nearest to `word`; the first one if several are equally near. The distance is at most
// two edits or a third of the length of `word`, whichever is more, and never more than half of that length.
// Returns nullopt if no candidate is near enough, or if `word` is longer than 256 bytes.
std::optional<std::string> nearest_name(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace osb
