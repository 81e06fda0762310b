#include "cli/reports/update_check_report.hh"

#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/escape.hh"
#include "cli/output/format.hh"
#include "cli/output/json_output.hh"
#include "cli/reports/extension_report.hh"
#include "cli/reports/packages_report.hh"
#include "cli/reports/transfer_report.hh"
#include "cli/reports/upgrade_report.hh"

namespace osb::cli {
namespace {

using ostree::PackageChange;

std::string built(const system::Release& release) {
    return release.time == 0 ? "" : concat(", built ", format_time(static_cast<std::int64_t>(release.time)));
}

std::string describe_unfit(const system::UpdateCheck& check) {
    std::string out;
    if (!check.extensions_unknown.empty())
        out += concat("extensions: unknown whether they fit (", check.extensions_unknown, ")\n");
    for (const system::UnfitExtension& one : check.unfit_extensions)
        out += concat("extension ", escape(one.name), ": will not be merged: ", one.reason, '\n');
    return out;
}

}  // namespace

std::string check_document(const system::UpdateCheck& check) {
    const system::UpgradeFacts& facts = check.facts;
    OrderedJson out{{"schema", 1},
                    {"image", json_text(facts.image)},
                    {"manifest_digest", json_text(facts.digest)},
                    {"commit", json_text(facts.commit)},
                    {"release", to_json(facts.release.value_or(system::Release{}))},
                    {"present", to_json(facts.present)},
                    {"prepared", check.plan.reason == system::PlanReason::prepared},
                    {"older", is_older(facts)},
                    {"fetched", facts.is_fetched}};
    out["failed_before"] = facts.failed ? OrderedJson(facts.failed->reason) : OrderedJson(nullptr);
    out["bytes_to_fetch"] = check.bytes_to_fetch ? OrderedJson(*check.bytes_to_fetch) : OrderedJson(nullptr);
    out["plan"] = plan_to_json(check.ways);
    out["packages"] = nullptr;
    if (check.packages) {
        out["packages"] = OrderedJson::array();
        for (const PackageChange& change : *check.packages) {
            out["packages"].push_back({{"name", change.name},
                                       {"before", json_text(change.before)},
                                       {"after", json_text(change.after)}});
        }
    }
    out["packages_unknown"] = json_text(check.packages_unknown);
    out["unfit_extensions"] = unfit_to_json(check.unfit_extensions);
    out["extensions_unknown"] = json_text(check.extensions_unknown);
    return to_document(out);
}

std::string describe_check(const system::UpdateCheck& check) {
    const system::UpgradeFacts& facts = check.facts;
    const system::Release release = facts.release.value_or(system::Release{});
    std::string out =
        concat(escape(facts.image), ": ", name_of(release, facts.digest, facts.commit), built(release), '\n');
    out += concat(
        "runs now: ", facts.present.version.empty() ? "no version" : osb::quoted(facts.present.version),
        built(facts.present), '\n');
    if (is_older(facts)) out += "it is older than the running system\n";
    if (facts.failed) out += concat("it failed its trial before: ", escape(facts.failed->reason), '\n');
    if (facts.is_given_up) out += "it was left with 'osb-oci rollback'\n";
    if (check.plan.reason == system::PlanReason::prepared) {
        out += "it is deployed, but the next boot does not try it: 'osb-oci upgrade' changes that\n";
    } else if (check.plan.reason == system::PlanReason::pulled) {
        return out + "it is running: 'osb-oci upgrade' gives up the system that waits for its trial\n";
    } else if (facts.is_fetched) {
        out += "to fetch: nothing, the repository has it\n";
    } else if (check.bytes_to_fetch) {
        out += concat("to fetch: ",
                      check.ways.empty() ? format_bytes(*check.bytes_to_fetch) : describe_plan(check.ways),
                      '\n');
    }
    return out + describe_packages(check.packages, check.packages_unknown) + describe_unfit(check);
}

}  // namespace osb::cli
