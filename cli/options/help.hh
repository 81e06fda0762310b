// The texts that --help prints, made from the tables of the verbs.
#pragma once

#include <string>

#include "cli/options/arguments.hh"
#include "cli/options/verb.hh"

namespace osb::cli {

// Of the program: its verbs.
std::string overview();

// Of one verb. The same bytes at each call, in lines of at most 80 columns, except for the summary and the
// examples.
std::string help_text(const VerbEntry& entry, const Arguments& table);

// All that a row says beside its name: its text, the range, what it excludes and needs, the default.
std::string description_of(const Argument& row, const Arguments& table);

}  // namespace osb::cli
