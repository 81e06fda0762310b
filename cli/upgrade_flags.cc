#include "cli/upgrade_flags.hh"

#include <CLI/CLI.hpp>

namespace osb::cli {

void UpgradeFlags::declare(CLI::App& app) {
    constexpr int kMaxJobs = 1024;
    app.add_flag("--force", upgrade.force, "also an image that failed its trial before");
    sysroot.declare(app);
    app.add_option("--jobs", upgrade.jobs, "threads that work [one a core]")
        ->type_name("N")
        ->check(CLI::Range(1, kMaxJobs));
    registry.declare(app);
}

system::UpgradeOptions UpgradeFlags::options() const {
    system::UpgradeOptions out = upgrade;
    out.registry = registry.options();
    return out;
}

}  // namespace osb::cli
