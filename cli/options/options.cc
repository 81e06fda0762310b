#include "cli/options/options.hh"

#include "base/bytes.hh"
#include "base/error.hh"
#include "cli/options/help.hh"
#include "cli/options/parse_arguments.hh"

namespace osb::cli {
namespace {

constexpr std::string_view kCommonGroup = "Common options";

void add_repository(Arguments& table, const VerbEntry& entry, CommonOptions& options) {
    table.add({{.name = "--repo",
                .value = "DIR",
                .kind = ValueKind::directory,
                .help = entry.makes_repository ? "ostree repository, created in archive mode if missing"
                                               : "ostree repository",
                .default_shown = "$OSB_REPO, else ./ostree-repo",
                .group = kCommonGroup,
                .target = &options.repo}});
}

void add_common(Arguments& table, CommonOptions& options) {
    table.add({
        {.name = "--json",
         .help = "print the result or the error as JSON",
         .group = kCommonGroup,
         .target = &options.json},
        {.name = "--progress",
         .value = "HOW",
         .help = "how to show progress: auto, plain, json or none",
         .default_shown = "auto",
         .group = kCommonGroup,
         .allowed = {"auto", "plain", "json", "none"},
         .target = &options.progress},
        {.name = "--quiet",
         .letter = 'q',
         .help = "print only warnings and errors",
         .group = kCommonGroup,
         .target = &options.quiet},
        {.name = "--verbose",
         .letter = 'v',
         .help = "print details",
         .group = kCommonGroup,
         .excludes = {"--quiet"},
         .target = &options.verbose},
        {.name = "--sandbox",
         .value = "WHEN",
         .help = "limits of this process while it reads what comes from outside: auto (what the kernel has), "
                 "require or off",
         .default_shown = "auto",
         .group = kCommonGroup,
         .allowed = {"auto", "require", "off"},
         .target = &options.sandbox},
        {.name = "--color",
         .value = "WHEN",
         .help = "when to use colours: auto, always or never",
         .default_shown = "auto",
         .group = kCommonGroup,
         .allowed = {"auto", "always", "never"},
         .target = &options.colour},
    });
}

}  // namespace

Arguments arguments_of(const VerbEntry& entry, Verb& verb, CommonOptions& options) {
    Arguments table;
    verb.declare(table);
    table.add(
        {{.name = "--help", .letter = 'h', .help = "show this help", .group = kCommonGroup, .target = {}}});
    if (entry.uses_repository) add_repository(table, entry, options);
    add_common(table, options);
    return table;
}

std::string parse_options(const VerbEntry& entry, Verb& verb, std::span<const char* const> args, const Io& io,
                          CommonOptions& options) {
    if (entry.uses_repository) {
        options.repo = io.environment("OSB_REPO").value_or("");
        if (options.repo.empty()) options.repo = "./ostree-repo";
    }
    const Arguments table = arguments_of(entry, verb, options);
    if (!parse_arguments(table, entry.name, args)) return help_text(entry, table);
    // A script's unset variable must not select the root or the working directory.
    if (entry.uses_repository && options.repo.empty()) {
        throw Error(ErrorKind::usage, concat(entry.name, ": --repo is empty"));
    }
    return "";
}

}  // namespace osb::cli
