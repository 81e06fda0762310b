#include "cli/output/progress_bar.hh"

#include <algorithm>
#include <vector>

#include "base/bytes.hh"
#include "cli/output/format.hh"

namespace osb::cli {
namespace {

constexpr std::chrono::milliseconds kBarInterval{100};
constexpr unsigned kDefaultColumns = 80;
constexpr std::size_t kLeastBar = 10;
constexpr std::size_t kMostBar = 40;

std::string bar(unsigned percent, std::size_t width) {
    const std::size_t filled = width * percent / 100;
    return concat('[', std::string(filled, '#'), std::string(width - filled, '-'), ']');
}

std::string amount(const ProgressView& view) {
    if (!view.total) return format_bytes(view.done);
    return concat(format_bytes(view.done), " of ", format_bytes(*view.total));
}

}  // namespace

ProgressBar::ProgressBar(Console& console)
    : TimedProgress(console.io().clock, kBarInterval), console_(console) {}

std::string ProgressBar::render(const ProgressView& view, unsigned columns) {
    // Keep the last column empty, because some terminals wrap there.
    const std::size_t room = std::max(columns == 0 ? kDefaultColumns : columns, 2U) - 1;
    const std::optional<unsigned> percent = view.percent();
    std::vector<std::string> parts{printable(view.stage)};
    if (percent) parts.push_back(concat(*percent, " %"));
    parts.push_back(amount(view));
    if (view.rate >= 1) parts.push_back(format_bytes(static_cast<std::uint64_t>(view.rate)) + "/s");
    if (const auto left = view.seconds_left()) parts.push_back(format_duration(*left) + " left");

    const auto join = [](const std::vector<std::string>& texts) {
        std::string out;
        for (const std::string& text : texts) out += (out.empty() ? "" : "  ") + text;
        return out;
    };
    // The least important part is at the end.
    while (parts.size() > 1 && join(parts).size() > room) parts.pop_back();
    const std::size_t used = join(parts).size();
    constexpr std::size_t kFrame = 4;  // the brackets and two spaces
    if (percent && used + kFrame + kLeastBar <= room) {
        parts.insert(parts.begin() + 1, bar(*percent, std::min(room - used - kFrame, kMostBar)));
    }
    return join(parts).substr(0, room);
}

void ProgressBar::show(Moment moment, const ProgressView& view) {
    console_.set_status(moment == Moment::end ? "" : render(view, console_.io().width()));
}

}  // namespace osb::cli
