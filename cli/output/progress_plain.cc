#include "cli/output/progress_plain.hh"

#include "base/bytes.hh"
#include "cli/output/format.hh"

namespace osb::cli {
namespace {

constexpr std::chrono::milliseconds kPlainInterval{1000};
constexpr std::chrono::seconds kLongest{10};
constexpr unsigned kPercentStep = 10;

}  // namespace

ProgressPlain::ProgressPlain(Console& console)
    : TimedProgress(console.io().clock, kPlainInterval), console_(console) {}

void ProgressPlain::show(Moment moment, const ProgressView& view) {
    if (moment == Moment::begin) {
        shown_at_ = {};
        shown_percent_ = 0;
        console_.line(Style::plain, "",
                      view.total ? concat(view.stage, ": ", format_bytes(*view.total)) : view.stage);
        return;
    }
    const unsigned percent = view.percent().value_or(0);
    const bool due = view.elapsed - shown_at_ >= kLongest || percent >= shown_percent_ + kPercentStep;
    if (moment == Moment::end || !due) return;
    shown_at_ = view.elapsed;
    shown_percent_ = percent;
    std::string text = concat(view.stage, ": ", format_bytes(view.done));
    if (view.total) text += concat(" of ", format_bytes(*view.total), ", ", percent, " %");
    text += concat(", ", format_bytes(static_cast<std::uint64_t>(view.rate)), "/s");
    if (const auto left = view.seconds_left()) text += concat(", ", format_duration(*left), " left");
    console_.line(Style::plain, "", text);
}

}  // namespace osb::cli
