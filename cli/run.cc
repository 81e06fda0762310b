#include "cli/run.hh"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "base/progress.hh"
#include "base/sandbox.hh"
#include "base/spelling.hh"
#include "cli/options/help.hh"
#include "cli/options/options.hh"
#include "cli/options/sandbox_mode.hh"
#include "cli/options/verb.hh"
#include "cli/output/console.hh"
#include "cli/output/display.hh"
#include "cli/output/report.hh"
#include "cli/verbs/completion.hh"
#include "oci/codec/codec_versions.hh"
#include "ostree/objects/ostree_versions.hh"
#include "registry/http/http_versions.hh"

namespace osb::cli {
namespace {

using Args = std::span<const char* const>;

// Directs log() to the console during its lifetime.
class LogToConsole {
  public:
    LogToConsole(Console& console, const CommonOptions& options) {
        set_log_sink([&console, quiet = options.quiet, verbose = options.verbose](LogLevel level,
                                                                                  const std::string& line) {
            if (level == LogLevel::warning) console.line(Style::warning, "osb-oci: warning: ", line);
            if (level == LogLevel::info && !quiet) console.line(Style::plain, "osb-oci: ", line);
            if (level == LogLevel::debug && verbose) console.line(Style::plain, "osb-oci: debug: ", line);
        });
    }
    LogToConsole(const LogToConsole&) = delete;
    LogToConsole& operator=(const LogToConsole&) = delete;
    ~LogToConsole() { set_log_sink({}); }
};

const VerbEntry& find_verb(std::string_view name) {
    std::vector<std::string> names;
    for (const VerbEntry* entry : verbs()) {
        if (entry->name == name) return *entry;
        names.emplace_back(entry->name);
    }
    Error error(ErrorKind::usage, concat("unknown verb ", osb::quoted(name)));
    const std::optional<std::string> nearest = nearest_name(name, names);
    if (nearest) throw std::move(error).hint(concat("did you mean '", *nearest, "'?"));
    throw std::move(error).hint("'osb-oci --help' lists the verbs");
}

// Returns nullptr if the verb has none, or if this is not a process of its own.
std::unique_ptr<Sandbox> enter_sandbox(const Verb& verb, const CommonOptions& options, const Io& io) {
    const SandboxMode mode = sandbox_mode(options, io);
    if (mode == SandboxMode::off || verb.calls_in_sandbox()) return nullptr;
    std::optional<SandboxRules> rules = verb.sandbox(options, io);
    if (rules) return std::make_unique<Sandbox>(std::move(*rules), mode);
    if (mode == SandboxMode::require)
        throw Error(ErrorKind::usage, "--sandbox require: this verb has no sandbox");
    return nullptr;
}

void run_verb(const VerbEntry& entry, Args args, Console& console) {
    CommonOptions options;
    const std::unique_ptr<Verb> verb = entry.make();
    const std::string help = parse_options(entry, *verb, args, console.io(), options);
    if (!help.empty()) {
        console.io().out << help;
        return;
    }
    console.set_colour(use_colour(options, console.io()));
    // Before the progress, which may have a thread.
    const std::unique_ptr<Sandbox> sandbox = enter_sandbox(*verb, options, console.io());
    const std::unique_ptr<Progress> progress = make_progress(options, console);
    const LogToConsole log(console, options);
    // Removes the progress bar before an error is printed, whatever the operation did.
    const ProgressEnd end(*progress);
    if (sandbox) log_debug(concat("sandbox: ", sandbox->description()));
    Session session{.options = options, .console = console, .progress = *progress};
    verb->run(session);
}

// The first line is for programs, the others are for bug reports.
std::string version_text() {
    std::string out = concat("osb-oci ", OSB_VERSION, '\n');
    for (const auto& libraries :
         {ostree::ostree_versions(), registry::http_versions(), oci::codec_versions()}) {
        for (const LibraryVersion& library : libraries)
            out += concat(library.name, ' ', library.version, '\n');
    }
    return out;
}

void dispatch(Args args, Console& console) {
    std::ostream& out = console.io().out;
    if (args.empty()) {
        throw Error(ErrorKind::usage, "no verb given").hint("'osb-oci --help' lists the verbs");
    }
    const std::string_view first = args.front();
    if (first == "--help" || first == "-h") {
        out << overview();
    } else if (first == "--version") {
        out << version_text();
    } else if (first == "help") {
        constexpr std::array<const char*, 1> kHelp{"--help"};
        if (args.size() == 1) {
            out << overview();
        } else {
            run_verb(find_verb(args[1]), kHelp, console);
        }
    } else if (first == "complete") {
        out << completion_text(args.subspan(1), console.io());
    } else if (first.starts_with('-')) {
        throw Error(ErrorKind::usage, concat("unknown option ", osb::quoted(first), " before the verb"))
            .hint("options follow the verb: osb-oci VERB [OPTIONS] ARGS");
    } else {
        run_verb(find_verb(first), args.subspan(1), console);
    }
}

// Also works if the command line is invalid in other places.
bool wants_json(Args args) {
    for (const std::string_view arg : args) {
        if (arg == "--") return false;
        if (arg == "--json") return true;
    }
    return false;
}

void flush_results(std::ostream& out) {
    out.flush();
    if (!out) throw Error(ErrorKind::io, "cannot write to standard output");
}

}  // namespace

int run(Args args, Io& io) noexcept {
    try {
        Console console(io);
        try {
            console.set_colour(use_colour({}, io));
            dispatch(args, console);
            flush_results(io.out);
            return io.status;
        } catch (...) {
            // Standard output must have a single object, so keep a result that was printed.
            return report_failure(console, wants_json(args) && !io.has_result);
        }
    } catch (...) {
        return 1;  // even the report failed
    }
}

}  // namespace osb::cli
