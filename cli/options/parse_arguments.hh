// From a command line to the variables that its table names.
#pragma once

#include <span>
#include <string_view>

#include "cli/options/arguments.hh"

namespace osb::cli {

// Parses `args`, what follows the verb, and sets the variables of `table`. Returns false when help was asked
// for; the variables then have no meaning. Throws Error{usage}.
bool parse_arguments(const Arguments& table, std::string_view verb, std::span<const char* const> args);

}  // namespace osb::cli
