// The files of this repository that are made from the tables of the verbs. scripts/generate writes them;
// tests/unit/cli/options/generated_test.cc compares them with those that are checked in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace osb::cli {

struct GeneratedFile {
    std::string path;  // below the top of the repository
    std::string text;
};

// Every man page, below man/.
std::vector<GeneratedFile> manual_pages();

// The text of README.md with the list of verbs between its two markers written again. Throws Error{invalid}
// where the markers are missing.
std::string with_verb_list(std::string_view readme);

}  // namespace osb::cli
