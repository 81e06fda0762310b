// The complete table of a verb's command line, and its parsing.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "cli/options/arguments.hh"
#include "cli/options/verb.hh"
#include "cli/output/common_options.hh"
#include "cli/output/io.hh"

namespace osb::cli {

// The rows of the verb, then the common rows. `verb` and `options` are borrowed: parsing sets their members.
Arguments arguments_of(const VerbEntry& entry, Verb& verb, CommonOptions& options);

// The table of a verb, with the objects to which its rows point. It cannot be moved.
struct VerbTable {
    explicit VerbTable(const VerbEntry& entry)
        : verb(entry.make()), table(arguments_of(entry, *verb, options)) {}
    VerbTable(const VerbTable&) = delete;
    VerbTable& operator=(const VerbTable&) = delete;
    ~VerbTable() = default;

    CommonOptions options;
    std::unique_ptr<Verb> verb;
    Arguments table;
};

// Parses `args`, the words after the verb, into the common options and the verb's own. Returns the help text
// if it was requested, otherwise "". Throws Error{usage}.
std::string parse_options(const VerbEntry& entry, Verb& verb, std::span<const char* const> args, const Io& io,
                          CommonOptions& options);

}  // namespace osb::cli
