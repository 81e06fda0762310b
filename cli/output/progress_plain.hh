// Progress for logs: a line when a stage begins and then now and again.
#pragma once

#include "cli/output/console.hh"
#include "cli/output/timed_progress.hh"

namespace osb::cli {

// A line every 10 s, and every 10 % but at most one a second.
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
