#include "cli/reports/update_check_report.hh"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/escape.hh"
#include "cli/output/format.hh"
#include "cli/output/json_output.hh"
#include "cli/reports/upgrade_report.hh"

namespace osb::cli {
namespace {

using system::PackageChange;

std::string built(const system::Release& release) {
    return release.time == 0 ? "" : concat(", built ", format_time(static_cast<std::int64_t>(release.time)));
}

std::string describe(const PackageChange& change, std::size_t width) {
    const std::string name = escape(change.name);
    const std::string gap(width - std::min(width, name.size()) + 2, ' ');
    if (change.before.empty()) return concat("  + ", name, gap, escape(change.after), '\n');
    if (change.after.empty()) return concat("  - ", name, gap, escape(change.before), '\n');
    return concat("    ", name, gap, escape(change.before), " -> ", escape(change.after), '\n');
}

std::string describe_packages(const system::UpdateCheck& check) {
    if (!check.packages) return concat("packages: unknown (", check.packages_unknown, ")\n");
    if (check.packages->empty()) return "packages: the same\n";
    constexpr std::size_t kWidest = 40;
    std::size_t width = 0;
    std::size_t added = 0;
    std::size_t removed = 0;
    std::string lines;
    for (const PackageChange& change : *check.packages)
        width = std::clamp(escape(change.name).size(), width, kWidest);
    for (const PackageChange& change : *check.packages) {
        added += change.before.empty() ? 1 : 0;
        removed += change.after.empty() ? 1 : 0;
        lines += describe(change, width);
    }
    return concat("packages: ", added, " added, ", removed, " removed, ",
                  check.packages->size() - added - removed, " changed\n", lines);
}

}  // namespace

std::string check_document(const system::UpdateCheck& check) {
    OrderedJson out{{"schema", 1},
                    {"image", json_text(check.image)},
                    {"manifest_digest", json_text(check.digest)},
                    {"commit", json_text(check.commit)},
                    {"release", to_json(check.release)},
                    {"present", to_json(check.present)},
                    {"prepared", check.is_prepared},
                    {"older", check.is_older},
                    {"fetched", check.is_fetched}};
    out["failed_before"] = check.failed ? OrderedJson(check.failed->reason) : OrderedJson(nullptr);
    out["bytes_to_fetch"] = check.bytes_to_fetch ? OrderedJson(*check.bytes_to_fetch) : OrderedJson(nullptr);
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
    return to_document(out);
}

std::string describe_check(const system::UpdateCheck& check) {
    std::string out = concat(escape(check.image), ": ", name_of(check.release, check.digest, check.commit),
                             built(check.release), '\n');
    out += concat(
        "runs now: ", check.present.version.empty() ? "no version" : osb::quoted(check.present.version),
        built(check.present), '\n');
    if (check.is_older) out += "it is older than the running system\n";
    if (check.failed) out += concat("it failed its trial before: ", escape(check.failed->reason), '\n');
    if (check.is_prepared) {
        out += "it is deployed, but the next boot does not try it: 'osb-oci upgrade' changes that\n";
    } else if (check.is_fetched) {
        out += "to fetch: nothing, the repository has it\n";
    } else if (check.bytes_to_fetch) {
        out += concat("to fetch: ", format_bytes(*check.bytes_to_fetch), '\n');
    }
    return out + describe_packages(check);
}

Error nothing_new(const system::UpdateCheck& check) {
    const std::string image = escape(check.image);
    const std::string name = name_of(check.release, check.digest, check.commit);
    const auto error = [](const std::string& text, std::string_view code) {
        return Error(ErrorKind::nothing_new, "nothing new: " + text).code(code);
    };
    switch (check.standing) {
        case system::DeploymentMatch::next_on_trial:
            return error(concat("the next boot tries ", image), "next_on_trial");
        case system::DeploymentMatch::next_default:
            return error(concat("the next boot starts ", image), "next_default");
        case system::DeploymentMatch::current:
            return error(concat(image, " is running"), "current");
        case system::DeploymentMatch::absent:
            break;
    }
    if (check.runs_on_trial) {
        // That passes: unlike the others, it is no answer to whether there is something new.
        return Error(ErrorKind::refused,
                     concat(image, " is ", name,
                            ", which cannot be deployed while the running system is on trial"))
            .code("on_trial")
            .hint("wait for it, run 'osb-oci boot-check', or go back with 'osb-oci rollback'");
    }
    if (check.failed) {
        return error(concat(image, " is ", name,
                            ", which failed its trial before: ", escape(check.failed->reason)),
                     "failed_trial")
            .hint("'upgrade --force' tries it again");
    }
    return error(concat(image, " is ", name, ", which is older than the running system"), "older_image")
        .hint("'upgrade --allow-downgrade' accepts it");
}

}  // namespace osb::cli
