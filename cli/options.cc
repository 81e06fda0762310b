#include "cli/options.hh"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "cli/format.hh"
#include "cli/progress_bar.hh"
#include "cli/progress_json.hh"
#include "cli/progress_plain.hh"
#include "cli/verb.hh"

namespace osb::cli {
namespace {

void declare_common(CLI::App& app, const VerbEntry& entry, CommonOptions& options) {
    const std::string group = "Common options";
    app.set_help_flag("-h,--help", "show this help")->group(group);
    if (entry.uses_repository) {
        app.add_option("--repo", options.repo,
                       concat("the ostree repository [$OSB_REPO, else ./ostree-repo]",
                              entry.makes_repository ? ", created in archive mode when missing" : ""))
            ->type_name("DIR")
            ->group(group);
    }
    app.add_flag("--json", options.json, "print the result, or the error, as JSON")->group(group);
    app.add_option("--progress", options.progress, "how to show progress: auto, plain, json or none [auto]")
        ->type_name("HOW")
        ->check(CLI::IsMember({"auto", "plain", "json", "none"}))
        ->group(group);
    CLI::Option* quiet = app.add_flag("-q,--quiet", options.quiet, "only warnings and errors")->group(group);
    app.add_flag("-v,--verbose", options.verbose, "show details")->excludes(quiet)->group(group);
    app.add_option("--color", options.colour, "colours: auto, always or never [auto]")
        ->type_name("WHEN")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->group(group);
}

bool is_dumb(const Io& io) {
    return io.environment("TERM").value_or("dumb") == "dumb";
}

// The library's sentence in the form of ours.
std::string reworded(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
    std::replace(text.begin(), text.end(), '\n', ' ');
    const bool word = text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0;
    if (word) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    return escape(text);
}

}  // namespace

std::string parse_options(const VerbEntry& entry, Verb& verb, std::span<const char* const> args, const Io& io,
                          CommonOptions& options) {
    const std::string name = concat("osb-oci ", entry.name);
    CLI::App app(concat(entry.summary, '.'), name);
    verb.declare(app);
    declare_common(app, entry, options);
    app.footer(concat("Examples:\n", entry.examples));
    std::vector<const char*> argv{name.c_str()};
    argv.insert(argv.end(), args.begin(), args.end());
    try {
        app.parse(static_cast<int>(argv.size()), argv.data());
    } catch (const CLI::CallForHelp&) {
        return app.help();
    } catch (const CLI::Error& error) {
        throw Error(ErrorKind::usage, concat(entry.name, ": ", reworded(error.what())))
            .hint(concat("'", name, " --help' shows the options"));
    }
    if (entry.uses_repository && options.repo.empty()) {
        // An empty --repo, too: a script's unset variable must not mean the root or the working directory.
        if (app.count("--repo") > 0) throw Error(ErrorKind::usage, concat(entry.name, ": --repo is empty"));
        options.repo = io.environment("OSB_REPO").value_or("");
        if (options.repo.empty()) options.repo = "./ostree-repo";
    }
    return "";
}

bool use_colour(const CommonOptions& options, const Io& io) {
    if (options.colour != "auto") return options.colour == "always";
    // https://no-color.org: set, and not empty.
    return io.err_is_terminal && io.environment("NO_COLOR").value_or("").empty() && !is_dumb(io);
}

std::unique_ptr<Progress> make_progress(const CommonOptions& options, Console& console) {
    const Io& io = console.io();
    if (options.progress == "none" || options.quiet) return std::make_unique<NoProgress>();
    if (options.progress == "json") return std::make_unique<ProgressJson>(console);
    if (options.progress == "auto" && io.err_is_terminal && !is_dumb(io)) {
        return std::make_unique<ProgressBar>(console);
    }
    return std::make_unique<ProgressPlain>(console);
}

}  // namespace osb::cli
