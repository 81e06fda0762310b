#include "cli/output/timed_progress.hh"

#include <algorithm>
#include <cmath>
#include <utility>

namespace osb::cli {
namespace {

// The period of the smoothed rate. It is a compromise between a steady display and a quick reaction.
constexpr double kSmoothingSeconds = 3;

double seconds(std::chrono::steady_clock::duration duration) {
    return std::chrono::duration<double>(duration).count();
}

}  // namespace

std::optional<unsigned> ProgressView::percent() const {
    if (!total || *total == 0) return std::nullopt;
    return static_cast<unsigned>(100.0 * static_cast<double>(std::min(done, *total)) /
                                 static_cast<double>(*total));
}

std::optional<std::uint64_t> ProgressView::seconds_left() const {
    constexpr double kMost = 1e9;
    if (!total || rate <= 0) return std::nullopt;
    const double left = static_cast<double>(*total - std::min(done, *total)) / rate;
    return left < kMost ? std::optional<std::uint64_t>(std::llround(left)) : std::nullopt;
}

TimedProgress::TimedProgress(Clock clock, std::chrono::milliseconds interval)
    : clock_(std::move(clock)), interval_(interval) {}

void TimedProgress::begin(const std::string& stage, std::optional<std::uint64_t> total_bytes) {
    const std::lock_guard lock(mutex_);
    end_stage();
    const TimePoint now = clock_();
    running_ = true;
    stage_ = stage;
    total_ = total_bytes;
    began_ = measured_ = now;
    measured_done_ = 0;
    rate_ = 0;
    done_ = 0;
    next_ = (now + interval_).time_since_epoch().count();
    show(Moment::begin, view(now));
}

void TimedProgress::advance(std::uint64_t bytes) noexcept {
    done_.fetch_add(bytes, std::memory_order_relaxed);
    try {
        const TimePoint now = clock_();
        if (now.time_since_epoch().count() < next_.load(std::memory_order_relaxed)) return;
        // Another thread is displaying the same state.
        const std::unique_lock lock(mutex_, std::try_to_lock);
        if (!lock || !running_) return;
        next_ = (now + interval_).time_since_epoch().count();
        show(Moment::tick, view(now));
    } catch (...) {  // NOLINT(bugprone-empty-catch): a failed display must not stop the operation
    }
}

void TimedProgress::end() noexcept {
    try {
        const std::lock_guard lock(mutex_);
        end_stage();
    } catch (...) {  // NOLINT(bugprone-empty-catch): as above
    }
}

void TimedProgress::end_stage() {
    if (!std::exchange(running_, false)) return;
    show(Moment::end, view(clock_()));
}

ProgressView TimedProgress::view(TimePoint now) {
    const std::uint64_t done = done_.load(std::memory_order_relaxed);
    const double passed = seconds(now - measured_);
    if (passed > 0) {
        const double present = static_cast<double>(done - measured_done_) / passed;
        const double weight = rate_ > 0 ? 1 - std::exp(-passed / kSmoothingSeconds) : 1;
        rate_ += weight * (present - rate_);
        measured_ = now;
        measured_done_ = done;
    }
    return {.stage = stage_, .done = done, .total = total_, .rate = rate_, .elapsed = now - began_};
}

}  // namespace osb::cli
