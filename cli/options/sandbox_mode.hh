// The option --sandbox of all verbs.
#pragma once

#include "base/sandbox.hh"
#include "cli/output/common_options.hh"
#include "cli/output/io.hh"

namespace osb::cli {

// The mode of this run: off if the run is not a process of its own.
SandboxMode sandbox_mode(const CommonOptions& options, const Io& io);

}  // namespace osb::cli
