// Progress for programs: one JSON object a line on standard error. The form is in docs/json.md.
#pragma once

#include "cli/output/console.hh"
#include "cli/output/timed_progress.hh"

namespace osb::cli {

// One object when a stage begins, at most five a second, and one when it ends.
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
