#include "cli/options/upgrade_flags.hh"

#include "base/error.hh"
#include "cli/options/shared_arguments.hh"
#include "system/upgrade/image_lookup.hh"
#include "system/upgrade/upgrade_target.hh"

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

std::optional<SandboxRules> sandbox_of_check(const SysrootFlags& flags,
                                             const system::UpgradeOptions& options) {
    try {
        const ostree::Sysroot sysroot = flags.open();
        const system::UpgradeTarget target = system::find_upgrade_target(sysroot, options);
        if (target.read_from.empty()) return std::nullopt;
        return system::rules_of_check(sysroot, target);
    } catch (const Error&) {
        return SandboxRules{};
    }
}

}  // namespace osb::cli
