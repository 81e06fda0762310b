// The output of --help, generated from the tables of the verbs, and the parts that the man pages
// (cli/options/manual.hh) share.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/options/arguments.hh"
#include "cli/options/verb.hh"

namespace osb::cli {

// The help of the program: its verbs.
std::string overview();

// The help of one verb. Deterministic. Lines have at most 80 columns, except for the examples.
std::string help_text(const VerbEntry& entry, const Arguments& table);

// The facts of a row without its name: its text, the range, exclusions and requirements, the default.
std::string description_of(const Argument& row, const Arguments& table);

// The headings of the options: that of the verb's own options first, then in the order of the table.
std::vector<std::string_view> groups_of(const Arguments& table);

// The arguments of a command line: "[OPTIONS] REV IMAGE".
std::string usage_of(const Arguments& table);

// A row of the list of exit statuses.
struct ExitStatus {
    std::string_view number;
    std::string_view meaning;
};
std::span<const ExitStatus> exit_statuses();

// Wraps `text` into lines of at most `columns`. Each line except the first starts with `indent` blanks. The
// first is shorter by `indent`, for a prefix of the caller.
std::string wrap(std::string_view text, std::size_t indent, std::size_t columns);

}  // namespace osb::cli
