// The entry point of the program: runs a command line and returns the exit status.
#pragma once

#include <span>

#include "cli/output/io.hh"

namespace osb::cli {

// Runs the program with these arguments, without the program's name, and returns its exit status: 0, the
// status of the error's kind (base/error.hh), or 128 + the signal number after an interruption. Throws
// nothing. Sets the sink of log().
int run(std::span<const char* const> args, Io& io) noexcept;

}  // namespace osb::cli
