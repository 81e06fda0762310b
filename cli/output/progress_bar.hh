// Progress on a terminal: one line, which is redrawn and removed at the end.
#pragma once

#include "cli/output/console.hh"
#include "cli/output/timed_progress.hh"

namespace osb::cli {

// Draws the progress bar. Thread-safe as TimedProgress is.
class ProgressBar final : public TimedProgress {
  public:
    // Redraws at most ten times per second. `console` is borrowed.
    explicit ProgressBar(Console& console);

    // The line for a terminal with `columns` columns. It is always shorter than that.
    static std::string render(const ProgressView& view, unsigned columns);

  protected:
    void show(Moment moment, const ProgressView& view) override;

  private:
    Console& console_;
};

}  // namespace osb::cli
