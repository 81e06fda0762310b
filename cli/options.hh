// The options that every verb has, and the parsing of a verb's command line.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/progress.hh"
#include "cli/console.hh"

namespace CLI {
class App;
}

namespace osb::cli {

class Verb;
struct VerbEntry;

struct CommonOptions {
    std::string repo;  // --repo, else $OSB_REPO, else ./ostree-repo
    bool json = false;
    std::string progress = "auto";  // auto, plain, json, none
    bool quiet = false;
    bool verbose = false;
    std::string colour = "auto";  // auto, always, never
};

// Parses `args`, what follows the verb, into the common options and the verb's own. Returns the text to print
// where help was asked for, else "". Throws Error{usage}.
std::string parse_options(const VerbEntry& entry, Verb& verb, std::span<const char* const> args, const Io& io,
                          CommonOptions& options);

// Whether standard error gets colours.
bool use_colour(const CommonOptions& options, const Io& io);

// How progress is shown. `console` is borrowed.
std::unique_ptr<Progress> make_progress(const CommonOptions& options, Console& console);

}  // namespace osb::cli
