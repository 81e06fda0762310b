// The display settings for a terminal and options: colours and progress.
#pragma once

#include <memory>

#include "base/progress.hh"
#include "cli/output/common_options.hh"
#include "cli/output/console.hh"

namespace osb::cli {

// True if standard error gets colours.
bool use_colour(const CommonOptions& options, const Io& io);

// Creates the progress display. `console` is borrowed.
std::unique_ptr<Progress> make_progress(const CommonOptions& options, Console& console);

}  // namespace osb::cli
