// Progress for programs: one JSON object per line on standard error, as defined in docs/json.md.
#pragma once

#include "cli/output/console.hh"
#include "cli/output/timed_progress.hh"

namespace osb::cli {

// Writes one object at the start of a stage, at most five per second, and one at its end.
class ProgressJson final : public TimedProgress {
  public:
    // `console` is borrowed.
    explicit ProgressJson(Console& console);

  protected:
    void show(Moment moment, const ProgressView& view) override;

  private:
    Console& console_;
};

}  // namespace osb::cli
