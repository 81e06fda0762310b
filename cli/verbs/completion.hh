// What the shell may complete a command line to. The scripts in completion/ call `osb-oci complete WORD...`
// with the words after the program's name up to the one under the cursor, and print or complete what it
// answers: all that is known of verbs, options and values is known here, from their tables.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/output/io.hh"

namespace osb::cli {

// How the shell goes on from here.
enum class CompletionKind {
    words,        // one of the candidates
    prefixes,     // one of the candidates, and more behind it: no blank follows
    files,        // paths that the shell finds
    directories,  // paths of directories
};

struct Candidate {
    std::string text;         // the whole word
    std::string description;  // "" for none
};

struct Completion {
    CompletionKind kind = CompletionKind::words;
    std::string prefix;  // of the word, before the path: "--config=", "oci:"
    std::vector<Candidate> candidates;
};

// Where the names come from that only a repository or a sysroot knows.
struct CompletionSources {
    std::function<std::vector<std::string>(const std::string& repo)> refs;
    std::function<std::vector<Candidate>(const std::string& sysroot)> deployments;
    std::function<std::string(const std::string& name)> environment;  // "" for what is not set
};

// Completes the last of `words`, which may be empty. Throws Error as the sources do.
Completion complete(std::span<const std::string> words, const CompletionSources& sources);

// The answer for the shell. The first line is the kind and, behind a tab, the prefix; each other line is a
// candidate and, behind a tab, its description. Names that a shell or a terminal could take for anything but
// a name are left out. "" for errors of any kind: this is not the time for a message.
std::string completion_text(std::span<const char* const> words, const Io& io) noexcept;

}  // namespace osb::cli
