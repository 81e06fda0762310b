// The program: a command line in, results and an exit status out.
#pragma once

#include <span>

#include "cli/output/io.hh"

namespace osb::cli {

// Runs the program with these arguments (the program's name is not one of them) and returns its exit status:
// 0, that of the error's kind (base/error.hh), or 128 + the signal when it was interrupted. Throws nothing.
// Takes over log().
int run(std::span<const char* const> args, Io& io) noexcept;

}  // namespace osb::cli
