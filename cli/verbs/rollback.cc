// osb-oci rollback: makes the next boot start the other system.
#include "system/deploy/rollback.hh"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "cli/options/sysroot_flags.hh"
#include "cli/options/verb.hh"
#include "cli/reports/deployment_report.hh"
#include "system/check/restart.hh"
#include "system/upgrade/download_note.hh"

namespace osb::cli {
namespace {

using system::RollbackOutcome;
using system::RollbackResult;

const char* result_name(RollbackResult result) {
    switch (result) {
        case RollbackResult::swapped:
            return "swapped";
        case RollbackResult::left:
            return "left";
        case RollbackResult::trial_cancelled:
            return "trial_cancelled";
        case RollbackResult::trial_failed:
            return "trial_failed";
        case RollbackResult::reset_cancelled:
            return "reset_cancelled";
        case RollbackResult::staged_dropped:
            break;
    }
    return "staged_dropped";
}

// The fate of the replaced deployment.
std::string explain(RollbackResult result, const std::string& given_up) {
    switch (result) {
        case RollbackResult::swapped:
            return concat("; ", given_up, " is kept; run 'osb-oci rollback' again to switch back");
        case RollbackResult::left:
            return concat("; ", given_up, ", which has not passed its checks, is removed by the next change");
        case RollbackResult::trial_cancelled:
            return concat("; the trial of ", given_up, " is cancelled");
        case RollbackResult::trial_failed:
            return concat("; ", given_up, " counts as failed, and upgrade refuses it");
        case RollbackResult::reset_cancelled:
            return "; the factory reset is cancelled, and its data is removed";
        case RollbackResult::staged_dropped:
            break;
    }
    return concat("; ", given_up, ", which was staged, is removed");
}

struct Described {
    ostree::Deployment deployment;
    std::string name;
    OrderedJson json;
};

const Described& find(const std::vector<Described>& all, const ostree::Deployment& deployment) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const Described& described) {
        return described.deployment == deployment;
    });
    if (found == all.end()) throw Error(ErrorKind::internal, "a deployment that was not there before");
    return *found;
}

class RollbackVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add({{.name = "--apply",
                        .help = "restart now if the next boot starts another system",
                        .target = &apply_}});
        sysroot_.declare(arguments);
    }

    void run(Session& session) override {
        system::end_download(sysroot_.open());
        ostree::Sysroot sysroot = sysroot_.open_locked();
        if (apply_) system::check_can_restart(sysroot);
        // Describe the deployment before it is removed.
        std::vector<Described> before;
        for (const ostree::Deployment& deployment : sysroot.deployments()) {
            before.push_back(
                {deployment, name_of(sysroot, deployment), deployment_to_json(sysroot, deployment)});
        }
        const RollbackOutcome outcome = system::roll_back(sysroot);
        print(session, outcome, find(before, outcome.next),
              outcome.given_up ? &find(before, *outcome.given_up) : nullptr);
        if (apply_ && !outcome.next.booted) system::restart_machine();
    }

  private:
    static void print(const Session& session, const RollbackOutcome& outcome, const Described& next,
                      const Described* given_up) {
        if (session.options.json) {
            session.print(to_document({{"schema", 1},
                                       {"result", result_name(outcome.result)},
                                       {"next_boot", next.json},
                                       {"given_up", given_up != nullptr ? given_up->json : OrderedJson()}}));
            return;
        }
        session.print(concat(
            "the next boot starts ", next.name, outcome.next.booted ? ", which is running" : "",
            explain(outcome.result, given_up != nullptr ? given_up->name : "the new deployment"), '\n'));
    }

    SysrootFlags sysroot_;
    bool apply_ = false;
};

}  // namespace

constexpr auto kRollbackExamples = std::to_array<std::string_view>({
    "osb-oci rollback",
    "osb-oci rollback --apply",
    "osb-oci rollback --sysroot /mnt",
});

const VerbEntry kRollbackVerb{
    .name = "rollback",
    .summary = "Switch back to the previous system",
    .description =
        "Makes the next boot start the previous proven system. Run it again to switch back. If a "
        "deployment is waiting for its trial, that trial is cancelled and the deployment is removed. If "
        "the running system is on trial, its trial counts as failed. Each system keeps its own /etc; all "
        "of them share /var. An upgrade that is downloading is ended.",
    .examples = kRollbackExamples,
    .related = {"status", "upgrade", "pin", "cleanup"},
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<RollbackVerb>(); },
};

}  // namespace osb::cli
