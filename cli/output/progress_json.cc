#include "cli/output/progress_json.hh"

#include <nlohmann/json.hpp>

#include "cli/output/json_output.hh"

namespace osb::cli {
namespace {

constexpr std::chrono::milliseconds kJsonInterval{200};

}  // namespace

ProgressJson::ProgressJson(Console& console)
    : TimedProgress(console.io().clock, kJsonInterval), console_(console) {}

void ProgressJson::show(Moment /*moment*/, const ProgressView& view) {
    console_.raw_line(to_line({{"type", "progress"},
                               {"stage", view.stage},
                               {"done", view.done},
                               {"total", view.total ? OrderedJson(*view.total) : OrderedJson(nullptr)},
                               {"rate", static_cast<std::uint64_t>(view.rate)}}));
}

}  // namespace osb::cli
