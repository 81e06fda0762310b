// Checks of OpenRC's runlevels.
#include <array>
#include <string>

#include "base/escape.hh"
#include "image/lint/checks.hh"
#include "image/lint/fix.hh"

namespace osb::image {
namespace {

void check_runlevels(const LintContext& context, Findings& findings) {
    const std::string runlevels = context.place_of("etc/runlevels");
    for_each_below(context.tree(), runlevels, [&](const std::string& path, const LintEntry& entry) {
        const std::string_view level = parent_path(path);
        if (parent_path(level) != runlevels || entry.kind == LintKind::directory) return;
        const std::string service(base_name(path));
        const std::string fix = run_line("rm", concat("/etc/runlevels/", base_name(level), '/', service),
                                         "or install the package of the service");
        const std::optional<FoundEntry> found = context.find(path);
        if (!found) {
            findings.warning(path,
                             concat("the runlevel ", quoted(base_name(level)), " starts the service ",
                                    quoted(service), ", which does not exist"),
                             fix);
        } else if (found->entry->kind == LintKind::file && (found->entry->mode & 0111U) == 0) {
            findings.warning(
                path, concat("the service ", quoted(service), " is not executable, so it does not start"),
                run_line("chmod 755", concat("/etc/init.d/", service)));
        }
    });
}

void check_boot_check(const LintContext& context, Findings& findings) {
    constexpr std::string_view kService = "etc/init.d/osb-boot-check";
    if (!context.runlevels_of("osb-boot-check").empty()) return;
    if (context.has(kService)) {
        findings.error(kService, "no runlevel has the service osb-boot-check, so upgrade refuses the image",
                       "RUN rc-update add osb-boot-check default");
    } else {
        findings.warning(
            {},
            "the service osb-boot-check is missing: nothing goes back to the old system if this one fails",
            "COPY containerfiles/rootfs/ /   # then RUN rc-update add osb-boot-check default");
    }
}

constexpr std::array<LintCheck, 2> kServiceChecks{{
    {"runlevels", "a runlevel of OpenRC starts a service that does not exist", check_runlevels},
    {"boot-check", "no runlevel has osb-boot-check, which tests a new system", check_boot_check},
}};

}  // namespace

std::span<const LintCheck> service_checks() {
    return kServiceChecks;
}

}  // namespace osb::image
