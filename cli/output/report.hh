// The report at the end of a run: the error line for people, the JSON object for programs, the exit status.
#pragma once

#include <exception>

#include "cli/output/console.hh"

namespace osb::cli {

// Reports the current exception on the console, and with `json` also on standard output. Returns the exit
// status. Call it from a catch block.
int report_failure(Console& console, bool json);

}  // namespace osb::cli
