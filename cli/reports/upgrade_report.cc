#include "cli/reports/upgrade_report.hh"

#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/numbers.hh"
#include "cli/output/format.hh"
#include "cli/reports/extension_report.hh"
#include "cli/reports/transfer_report.hh"
#include "system/check/restart.hh"
#include "system/upgrade/upgrade_plan.hh"

namespace osb::cli {
namespace {

using system::UpgradeResult;

const char* result_name(UpgradeResult result) {
    switch (result) {
        case UpgradeResult::nothing_new:
            return "nothing_new";
        case UpgradeResult::follows:
            return "follows";
        case UpgradeResult::withdrawn:
            return "withdrawn";
        case UpgradeResult::trial_prepared:
            return "trial_prepared";
        case UpgradeResult::downloaded:
            return "downloaded";
        case UpgradeResult::deployed:
            break;
    }
    return "deployed";
}

// The next step of the machine.
std::string next_boot(const system::UpgradeReport& report) {
    if (report.result == UpgradeResult::trial_prepared ||
        report.deployment == system::DeployResult::on_trial) {
        return "the next boot tries it; the present system stays the default until it has passed its "
               "checks\n";
    }
    if (report.deployment) return "the next boot starts it\n";
    if (!report.next_boot) return "";
    return concat("the next boot starts the deployment ", report.next_boot->to_string(), '\n');
}

bool starts_something_else(const system::UpgradeReport& report) {
    return report.deployment.has_value() || report.result == UpgradeResult::trial_prepared ||
           report.next_boot.has_value();
}

OrderedJson to_json(const std::optional<ostree::FetchedObjects>& objects) {
    if (!objects) return nullptr;
    return {{"metadata", objects->metadata},
            {"content", objects->content},
            {"delta_parts", objects->delta_parts}};
}

// The end of the line about a new system. For a remote there is a line more, like the one of `ostree pull`.
std::string describe_fetch(const system::UpgradeReport& report, const std::string& advice) {
    if (!report.digest.empty()) {
        const std::string amount = report.transfer ? describe_transfer(*report.transfer)
                                                   : concat("read ", format_bytes(report.bytes_read));
        return concat(", ", amount, advice, '\n');
    }
    std::string end = concat(advice, '\n');
    if (!report.objects) return end;
    const ostree::FetchedObjects& objects = *report.objects;
    return concat(
        end, objects.metadata, " metadata, ", objects.content, " content objects",
        objects.delta_parts == 0 ? "" : concat(", ", format_count(objects.delta_parts, "delta part")),
        " fetched; ", format_bytes(objects.bytes_transferred), " transferred\n");
}

}  // namespace

OrderedJson to_json(const system::Release& release) {
    OrderedJson time(nullptr);
    if (release.time != 0) time = format_rfc3339(static_cast<std::int64_t>(release.time));
    return {{"version", json_text(release.version)}, {"time", time}};
}

OrderedJson upgrade_to_json(const system::UpgradeReport& report) {
    OrderedJson deployment(nullptr);
    if (report.deployment) {
        deployment = *report.deployment == system::DeployResult::on_trial ? "on_trial" : "default";
    }
    return {{"schema", 1},
            {"result", result_name(report.result)},
            {"image", json_text(report.image)},
            {"manifest_digest", json_text(report.digest)},
            {"commit", json_text(report.commit)},
            {"release", to_json(report.release)},
            {"present", to_json(report.present)},
            {"deployment", deployment},
            {"next_boot", json_text(report.next_boot ? report.next_boot->to_string() : "")},
            {"bytes_read", report.bytes_read},
            {"transfer", report.transfer ? transfer_to_json(*report.transfer) : OrderedJson(nullptr)},
            {"objects", to_json(report.objects)},
            {"etc_conflicts", report.etc_conflicts},
            {"unfit_extensions", unfit_to_json(report.unfit_extensions)}};
}

std::string describe_upgrade(const system::UpgradeReport& report) {
    const std::string name = name_of(report.release, report.digest, report.commit);
    const std::string image = escape(report.image);
    switch (report.result) {
        case UpgradeResult::nothing_new:
            return concat("nothing new: ", image, image.empty() ? "" : " is ", name,
                          !report.next_boot ? ", which is running\n" : "\n", next_boot(report));
        case UpgradeResult::follows:
            return concat("the system follows ", image, " from now on, which is already running: ", name,
                          '\n', next_boot(report));
        case UpgradeResult::withdrawn:
            return concat(image, " is ", name,
                          " again, which is running: the system that waited for its trial ", "is given up\n",
                          next_boot(report));
        case UpgradeResult::trial_prepared:
            return concat("nothing new: ", image, " is ", name, ", which is already deployed\n",
                          next_boot(report));
        case UpgradeResult::downloaded:
            return concat("fetched ", image, image.empty() ? "" : ": ", name,
                          describe_fetch(report, "; 'osb-oci upgrade' deploys it"));
        case UpgradeResult::deployed:
            break;
    }
    return concat("deployed ", image, image.empty() ? "" : ": ", name, describe_fetch(report, ""),
                  next_boot(report));
}

void run_upgrade(Session& session, const SysrootFlags& flags, const system::UpgradeOptions& options,
                 bool restart) {
    if (restart && flags.sysroot != "/") {
        throw Error(ErrorKind::usage, "--apply restarts this machine, so it excludes --sysroot");
    }
    ostree::Sysroot sysroot = flags.open_locked();
    const system::UpgradeReport report = system::upgrade(sysroot, options, session.progress);
    session.progress.end();
    session.print(session.options.json ? to_document(upgrade_to_json(report)) : describe_upgrade(report));
    if (restart && starts_something_else(report)) system::restart_machine();
}

}  // namespace osb::cli
