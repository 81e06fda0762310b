// Rows that several verbs share. Each target is borrowed, as in cli/options/arguments.hh.
#pragma once

#include <string>

#include "cli/options/arguments.hh"

namespace osb::cli {

// IMAGE: a reference of any transport.
Argument image_argument(std::string& target);
// REV in the repository.
Argument rev_argument(std::string& target);
// --ref: the name for the commit.
Argument ref_argument(std::string& target);
// --platform: the image of an index.
Argument platform_argument(std::string& target);
// --jobs: the default 0 means one per core.
Argument jobs_argument(unsigned& target);

}  // namespace osb::cli
