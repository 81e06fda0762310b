#include "cli/run.hh"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "cli/options/help.hh"
#include "cli/options/options.hh"
#include "cli/options/verb.hh"
#include "cli/output/console.hh"
#include "cli/output/display.hh"
#include "cli/output/report.hh"

namespace osb::cli {
namespace {

using Args = std::span<const char* const>;

// log() goes to the console for as long as this lives.
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

// The bar is gone before an error is printed, whatever the operation did.
class ProgressEnd {
  public:
    explicit ProgressEnd(Progress& progress) : progress_(progress) {}
    ProgressEnd(const ProgressEnd&) = delete;
    ProgressEnd& operator=(const ProgressEnd&) = delete;
    ~ProgressEnd() { progress_.end(); }

  private:
    Progress& progress_;
};

// The number of single-character edits from a to b (Levenshtein's distance).
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

const VerbEntry& find_verb(std::string_view name) {
    constexpr std::size_t kLongestTypo = 32;
    constexpr std::size_t kMostEdits = 2;
    const VerbEntry* nearest = nullptr;
    std::size_t least = kMostEdits + 1;
    for (const VerbEntry* entry : verbs()) {
        if (entry->name == name) return *entry;
        const std::size_t distance = name.size() > kLongestTypo ? least : edit_distance(name, entry->name);
        if (distance < least) {
            least = distance;
            nearest = entry;
        }
    }
    Error error(ErrorKind::usage, concat("unknown verb ", osb::quoted(name)));
    if (nearest != nullptr) throw std::move(error).hint(concat("did you mean '", nearest->name, "'?"));
    throw std::move(error).hint("'osb-oci --help' lists the verbs");
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
    const std::unique_ptr<Progress> progress = make_progress(options, console);
    const LogToConsole log(console, options);
    const ProgressEnd end(*progress);
    Session session{.options = options, .console = console, .progress = *progress};
    verb->run(session);
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
        out << "osb-oci " << OSB_VERSION << '\n';
    } else if (first == "help") {
        constexpr std::array<const char*, 1> kHelp{"--help"};
        if (args.size() == 1) {
            out << overview();
        } else {
            run_verb(find_verb(args[1]), kHelp, console);
        }
    } else if (first.starts_with('-')) {
        throw Error(ErrorKind::usage, concat("unknown option ", osb::quoted(first), " before the verb"))
            .hint("options follow the verb: osb-oci VERB [OPTIONS] ARGS");
    } else {
        run_verb(find_verb(first), args.subspan(1), console);
    }
}

// Also for a command line that is wrong elsewhere.
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
            return 0;
        } catch (...) {
            // A result that is out stays the one object that programs find.
            return report_failure(console, wants_json(args) && !io.has_result);
        }
    } catch (...) {
        return 1;  // not even the report could be made
    }
}

}  // namespace osb::cli
