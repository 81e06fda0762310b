#include "cli/output/display.hh"

#include "cli/output/progress_bar.hh"
#include "cli/output/progress_json.hh"
#include "cli/output/progress_plain.hh"

namespace osb::cli {
namespace {

bool is_dumb(const Io& io) {
    return io.environment("TERM").value_or("dumb") == "dumb";
}

}  // namespace

bool use_colour(const CommonOptions& options, const Io& io) {
    if (options.colour != "auto") return options.colour == "always";
    // https://no-color.org: it must be set and not empty.
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
