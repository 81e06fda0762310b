// The files of the source tree that are generated from the tables of the verbs. scripts/generate writes them;
// tests/unit/cli/options/generated_test.cc compares them with the committed files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace osb::cli {

// A generated file.
struct GeneratedFile {
    std::string path;  // relative to the top of the source tree
    std::string text;
};

// All man pages, in man/.
std::vector<GeneratedFile> manual_pages();

// Returns the text of README.md with a new list of verbs between its two markers. Throws Error{invalid} if
// the markers are missing.
std::string with_verb_list(std::string_view readme);

}  // namespace osb::cli
