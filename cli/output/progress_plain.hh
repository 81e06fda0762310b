// Progress for logs: a line at the start of a stage, and further lines at intervals.
#pragma once

#include "cli/output/console.hh"
#include "cli/output/timed_progress.hh"

namespace osb::cli {

// Writes a line every 10 s, and every 10 %, but at most one per second.
class ProgressPlain final : public TimedProgress {
  public:
    // `console` is borrowed.
    explicit ProgressPlain(Console& console);

  protected:
    void show(Moment moment, const ProgressView& view) override;

  private:
    Console& console_;
    std::chrono::steady_clock::duration shown_at_{};
    unsigned shown_percent_ = 0;
};

}  // namespace osb::cli
