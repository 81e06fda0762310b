// Shell completion of command lines. The scripts in completion/ call `osb-oci complete WORD...` with the
// words after the program's name up to the one under the cursor, and process its output. All knowledge of
// verbs, options and values is in this program, in their tables.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/output/io.hh"

namespace osb::cli {

// The way in which the shell completes the word.
enum class CompletionKind {
    words,        // one of the candidates
    prefixes,     // one of the candidates, with more text after it: add no blank
    files,        // paths, which the shell lists
    directories,  // paths of directories
};

// A possible completion.
struct Candidate {
    std::string text;         // the whole word
    std::string description;  // "" for none
};

// The result of a completion.
struct Completion {
    CompletionKind kind = CompletionKind::words;
    std::string prefix;  // the part of the word before the path: "--config=", "oci:"
    std::vector<Candidate> candidates;
};

// The sources of names in a repository or a sysroot.
struct CompletionSources {
    std::function<std::vector<std::string>(const std::string& repo)> refs;
    std::function<std::vector<Candidate>(const std::string& sysroot)> deployments;
    std::function<std::string(const std::string& name)> environment;  // "" if the variable is not set
};

// Completes the last of `words`, which may be empty. Throws Error as the sources do.
Completion complete(std::span<const std::string> words, const CompletionSources& sources);

// The output for the shell. The first line has the kind and, after a tab, the prefix. Each other line has a
// candidate and, after a tab, its description. Omits names that a shell or a terminal could interpret.
// Returns "" for errors of any kind, because a message would disturb the command line.
std::string completion_text(std::span<const char* const> words, const Io& io) noexcept;

}  // namespace osb::cli
