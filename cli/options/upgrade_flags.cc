#include "cli/options/upgrade_flags.hh"

#include "cli/options/shared_arguments.hh"

namespace osb::cli {

void UpgradeFlags::declare(Arguments& arguments) {
    arguments.add({{.name = "--force",
                    .help = "accept an image that failed its trial before",
                    .target = &upgrade.force}});
    sysroot.declare(arguments);
    fetch.declare(arguments);
    arguments.add({jobs_argument(upgrade.jobs)});
    registry.declare(arguments);
}

system::UpgradeOptions UpgradeFlags::options() const {
    system::UpgradeOptions out = upgrade;
    out.fetch = fetch.way();
    out.registry = registry.options();
    return out;
}

}  // namespace osb::cli
