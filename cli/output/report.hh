// How the end of a run is told: the error line for people, the JSON object for programs, the exit status.
#pragma once

#include <exception>

#include "cli/output/console.hh"

namespace osb::cli {

// Reports the exception that is being handled, on the console and with `json` on standard output too, and
// returns the exit status. To be called from a catch block.
int report_failure(Console& console, bool json);

}  // namespace osb::cli
