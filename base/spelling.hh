// Suggestions for mistyped names: "did you mean ...?".
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace osb {

// The least number of single-character edits that turn `a` into `b`: a character inserted, deleted or
// replaced, or two neighbours swapped (the optimal string alignment distance). Counts bytes.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate that `word` was probably meant to be: the nearest one, the first of several as near. It is at
// most two edits away, or a third of the length of `word`, and never more than half of it. Nothing when there
// is none, or when `word` is too long to be a name that somebody typed.
std::optional<std::string> nearest_name(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace osb
