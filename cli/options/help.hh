// The texts that --help prints, made from the tables of the verbs; and the pieces of them that the man pages
// (cli/options/manual.hh) share.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/options/arguments.hh"
#include "cli/options/verb.hh"

namespace osb::cli {

// Help of the program: its verbs.
std::string overview();

// Help of one verb. The same bytes at each call, in lines of at most 80 columns, except for the examples.
std::string help_text(const VerbEntry& entry, const Arguments& table);

// All facts of a row except its name: its text, the range, what it excludes and needs, the default.
std::string description_of(const Argument& row, const Arguments& table);

// The options' headings: that of the verb's own options first, then in the order of the table.
std::vector<std::string_view> groups_of(const Arguments& table);

// The arguments of a command line: "[OPTIONS] REV IMAGE".
std::string usage_of(const Arguments& table);

struct ExitStatus {
    std::string_view number;
    std::string_view meaning;
};
std::span<const ExitStatus> exit_statuses();

// The words of `text` in lines of at most `columns`. Each line but the first begins with `indent` blanks; the
// first is that much shorter, for what the caller puts before it.
std::string wrap(std::string_view text, std::size_t indent, std::size_t columns);

}  // namespace osb::cli
