// Rows that several verbs have in their tables. Each target is borrowed, as in cli/options/arguments.hh.
#pragma once

#include <string>

#include "cli/options/arguments.hh"

namespace osb::cli {

// IMAGE: a reference that any transport may have.
Argument image_argument(std::string& target);
// REV of the repository.
Argument rev_argument(std::string& target);
// --ref: the name that the commit gets.
Argument ref_argument(std::string& target);
// --platform: which image of an index.
Argument platform_argument(std::string& target);
// --jobs: 0, its value when it is not given, stands for one a core.
Argument jobs_argument(unsigned& target);

}  // namespace osb::cli
