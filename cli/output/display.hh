// How the program shows itself at this terminal with these options: colours, progress.
#pragma once

#include <memory>

#include "base/progress.hh"
#include "cli/output/common_options.hh"
#include "cli/output/console.hh"

namespace osb::cli {

// Whether standard error gets colours.
bool use_colour(const CommonOptions& options, const Io& io);

// How progress is shown. `console` is borrowed.
std::unique_ptr<Progress> make_progress(const CommonOptions& options, Console& console);

}  // namespace osb::cli
