// The table of a verb's whole command line, and the parsing of one.
#pragma once

#include <span>
#include <string>

#include "cli/options/arguments.hh"
#include "cli/output/common_options.hh"
#include "cli/output/io.hh"

namespace osb::cli {

class Verb;
struct VerbEntry;

// The verb's own rows, then the common ones. `verb` and `options` are borrowed: parsing sets their members.
Arguments arguments_of(const VerbEntry& entry, Verb& verb, CommonOptions& options);

// Parses `args`, what follows the verb, into the common options and the verb's own. Returns the text to print
// where help was asked for, else "". Throws Error{usage}.
std::string parse_options(const VerbEntry& entry, Verb& verb, std::span<const char* const> args, const Io& io,
                          CommonOptions& options);

}  // namespace osb::cli
