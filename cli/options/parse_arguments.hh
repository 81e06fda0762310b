// Parsing of a command line into the variables of its table.
#pragma once

#include <span>
#include <string_view>

#include "cli/options/arguments.hh"

namespace osb::cli {

// Parses `args`, the words after the verb, and sets the variables of `table`. Returns false if help was
// requested; the variables then have no meaning. Throws Error{usage}.
bool parse_arguments(const Arguments& table, std::string_view verb, std::span<const char* const> args);

}  // namespace osb::cli
