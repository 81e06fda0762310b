// osb-oci merge-etc: changes of /etc that were made after an upgrade reach the new system.
#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/log.hh"
#include "base/numbers.hh"
#include "cli/options/sysroot_flags.hh"
#include "cli/options/verb.hh"
#include "cli/output/json_output.hh"
#include "cli/reports/deployment_report.hh"
#include "system/etc/etc_merge.hh"
#include "system/trial/trial.hh"
#include "system/trial/trial_records.hh"

namespace osb::cli {
namespace {

using system::EtcMergeReport;
using system::EtcMergeResult;

const char* result_name(EtcMergeResult result) {
    switch (result) {
        case EtcMergeResult::merged:
            return "merged";
        case EtcMergeResult::caught_up:
            return "caught_up";
        case EtcMergeResult::unchanged:
            return "unchanged";
        case EtcMergeResult::edited:
            return "edited";
        case EtcMergeResult::gone:
            return "gone";
    }
    return "unchanged";
}

// "" for what needs no line.
std::string describe_merge(const EtcMergeReport& report) {
    const std::string from = report.from.short_text();
    const std::string to = report.deployment.short_text();
    switch (report.result) {
        case EtcMergeResult::merged:
            return concat("merged the changes of /etc of ", from, " into ", to);
        case EtcMergeResult::caught_up:
            return concat("took over changes that ", from,
                          " made in /etc after it was merged: ", format_count(report.changed, "change"));
        case EtcMergeResult::edited:
            return concat("left ", to, " alone: its own /etc has changed since it was merged");
        case EtcMergeResult::unchanged:
        case EtcMergeResult::gone:
            break;
    }
    return "";
}

class MergeEtcVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        sysroot_.declare(arguments);
        arguments.add({{.name = "--waiting",
                        .help = "leave the running system alone: merge only into deployments that wait",
                        .target = &waiting_}});
    }

    void run(Session& session) override {
        const ostree::Sysroot sysroot = sysroot_.open_locked();
        const std::vector<EtcMergeReport> reports = system::merge_etc(sysroot, merge_options(sysroot));
        OrderedJson list = OrderedJson::array();
        for (const EtcMergeReport& report : reports) {
            list.push_back({{"deployment", report.deployment.to_string()},
                            {"from", report.from.to_string()},
                            {"result", result_name(report.result)},
                            {"changed", report.changed},
                            {"conflicts", report.notes}});
            if (session.options.json) continue;
            const std::string line = describe_merge(report);
            if (!line.empty()) session.print(line + '\n');
            for (const std::string& note : report.notes) session.print(concat("conflict: ", note, '\n'));
        }
        if (session.options.json) session.print(to_document({{"schema", 1}, {"merges", std::move(list)}}));
    }

  private:
    system::EtcMergeOptions merge_options(const ostree::Sysroot& sysroot) const {
        system::EtcMergeOptions out{.boot_id = system::current_boot_id(), .is_waiting_only = waiting_};
        if (const auto booted = sysroot.booted()) out.running = booted->id;
        const std::optional<system::Trial> trial = system::read_trial(sysroot);
        if (trial && trial->state != system::TrialState::passed) out.on_trial = trial->deployment;
        return out;
    }

    SysrootFlags sysroot_;
    bool waiting_ = false;
};

}  // namespace

constexpr auto kMergeEtcExamples = std::to_array<std::string_view>({
    "osb-oci merge-etc",
    "osb-oci merge-etc --json",
    "osb-oci merge-etc --waiting",
    "osb-oci merge-etc --sysroot /mnt",
});

const VerbEntry kMergeEtcVerb{
    .name = "merge-etc",
    .summary = "Merge changes of /etc into the deployment that waits",
    .description =
        "Merges /etc again if it has changed since a deployment was made that was not started yet. In a "
        "system "
        "that was just started for the first time, takes over changes that the old system made after the "
        "merge. "
        "Prints each merge and each conflict, and nothing if there is nothing to do. The service osb-etc "
        "runs this "
        "command at each boot and shutdown, so you rarely need it yourself.",
    .examples = kMergeEtcExamples,
    .related = {"status", "upgrade"},
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<MergeEtcVerb>(); },
};

}  // namespace osb::cli
