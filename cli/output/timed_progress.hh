// The common part of all progress displays: counters, timing and a smoothed rate.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "base/progress.hh"

namespace osb::cli {

using Clock = std::function<std::chrono::steady_clock::time_point()>;

// The state of a stage.
struct ProgressView {
    std::string stage;
    std::uint64_t done = 0;  // in bytes
    std::optional<std::uint64_t> total;
    double rate = 0;  // bytes per second, smoothed; 0 if it is unknown
    std::chrono::steady_clock::duration elapsed{};

    // 0 to 100; nullopt if the total is unknown.
    std::optional<unsigned> percent() const;
    // The remaining seconds; nullopt if they are unknown.
    std::optional<std::uint64_t> seconds_left() const;
};

// Calls show() at most once per interval, from advance(). Otherwise advance() only adds a number and reads
// the clock. Thread-safe.
class TimedProgress : public Progress {
  public:
    TimedProgress(Clock clock, std::chrono::milliseconds interval);

    void begin(const std::string& stage, std::optional<std::uint64_t> total_bytes) final;
    void advance(std::uint64_t bytes) noexcept final;
    void end() noexcept final;

  protected:
    enum class Moment { begin, tick, end };
    // Displays the state. Calls never overlap.
    virtual void show(Moment moment, const ProgressView& view) = 0;

  private:
    using TimePoint = std::chrono::steady_clock::time_point;

    ProgressView view(TimePoint now);
    void end_stage();

    Clock clock_;
    std::chrono::milliseconds interval_;
    std::atomic<std::uint64_t> done_{0};
    std::atomic<TimePoint::rep> next_{0};
    std::mutex mutex_;  // protects the following members
    bool running_ = false;
    std::string stage_;
    std::optional<std::uint64_t> total_;
    TimePoint began_;
    TimePoint measured_;
    std::uint64_t measured_done_ = 0;
    double rate_ = 0;
};

}  // namespace osb::cli
