#include "cli/options/sandbox_mode.hh"

namespace osb::cli {

SandboxMode sandbox_mode(const CommonOptions& options, const Io& io) {
    if (!io.may_enter_sandbox || options.sandbox == "off") return SandboxMode::off;
    return options.sandbox == "require" ? SandboxMode::require : SandboxMode::automatic;
}

}  // namespace osb::cli
