// osb-oci boot-check: the health gate that a boot runs.
#include <cstdint>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/log.hh"
#include "cli/options/verb.hh"
#include "cli/output/json_output.hh"
#include "cli/reports/status_report.hh"
#include "system/check/boot_check.hh"
#include "system/check/restart.hh"
#include "system/check/trial_hooks.hh"
#include "system/deploy/status.hh"

namespace osb::cli {
namespace {

using system::BootCheckOutcome;
using system::CheckResult;
using system::TrialVerdict;

OrderedJson to_json(const BootCheckOutcome& outcome) {
    OrderedJson checks = OrderedJson::array();
    for (const CheckResult& result : outcome.report.results) {
        checks.push_back({{"name", result.name},
                          {"required", result.required},
                          {"ok", result.ok},
                          {"message", result.message},
                          {"milliseconds", result.duration.count()}});
    }
    return {{"schema", 1},
            {"healthy", outcome.healthy()},
            {"commit", outcome.booted ? outcome.booted->id.commit.text() : ""},
            {"trial", to_string(outcome.trial)},
            {"reason", outcome.reason},
            {"restart", outcome.restart},
            {"checks", checks},
            {"warnings", outcome.report.warnings}};
}

std::string line_of(const CheckResult& result) {
    const std::string_view state = result.ok ? "ok      " : result.required ? "FAILED  " : "warning ";
    return concat(state, result.name, result.message.empty() ? "" : ": ", result.message, '\n');
}

std::string_view words_for(const BootCheckOutcome& outcome) {
    switch (outcome.trial) {
        case TrialVerdict::none:
        case TrialVerdict::withdrawn:
            return "";
        case TrialVerdict::to_come:
            return "a deployment waits for its trial\n";
        case TrialVerdict::passed:
            return "the trial passed: this deployment is the default from now on\n";
        case TrialVerdict::failed:
            return "the trial has failed\n";
    }
    return "";
}

class BootCheckVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add({
            {.name = "--timeout",
             .value = "SECONDS",
             .help = "time limit for each check",
             .default_shown = "60",
             .range = Range{1, kMaxSeconds},
             .target = &timeout_},
            {.name = "--total-timeout",
             .value = "SECONDS",
             .help = "time limit for all checks together",
             .default_shown = "300",
             .range = Range{1, kMaxSeconds},
             .target = &total_timeout_},
            {.name = "--no-reboot",
             .help = "do not restart a system that fails its trial",
             .target = &no_reboot_},
        });
    }

    void run(Session& session) override {
        system::BootCheckOptions options;
        options.checks.limit = std::chrono::seconds(timeout_);
        options.checks.total_limit = std::chrono::seconds(total_timeout_);
        if (const std::string problem = system::read_boot_problem(); !problem.empty()) log_warning(problem);
        const BootCheckOutcome outcome = system::check_boot(options);
        const bool restart = outcome.restart && !no_reboot_;
        const std::vector<std::string> problems = run_hooks(outcome);
        // While a restart is on its way the watchdog sees to it that it comes.
        if (!restart) system::stop_watchdog(options.run_directory);
        // Do this first: nobody may read the output, and nothing below may prevent it.
        const std::optional<Error> not_restarted = restart ? try_restart() : std::nullopt;
        for (const std::string& problem : problems) session.note(problem);
        print(session, outcome);
        if (not_restarted) throw Error(*not_restarted);
        if (restart) session.note("restarting: the bootloader starts the proven system");
        if (!outcome.healthy()) {
            if (outcome.trial == TrialVerdict::failed && outcome.restart) {
                throw Error(ErrorKind::refused,
                            concat("the trial of this system has failed: ", outcome.reason))
                    .code("failed_trial");
            }
            throw Error(ErrorKind::refused, outcome.report.failure()).code("failed_checks");
        }
    }

  private:
    static constexpr unsigned kMaxSeconds = 24 * 3600;

    // Hooks see the state after the verdict. They run before a restart, within a limit.
    static std::vector<std::string> run_hooks(const BootCheckOutcome& outcome) {
        if (outcome.trial != TrialVerdict::passed && outcome.trial != TrialVerdict::failed) return {};
        try {
            const system::SystemStatus status = system::read_status(ostree::Sysroot::open("/"));
            const StatusView view{.status = status,
                                  .check = std::nullopt,
                                  .now = static_cast<std::int64_t>(std::time(nullptr))};
            return system::run_trial_hooks({}, outcome.trial, status_document(view));
        } catch (const Error& error) {
            return {concat("the hooks of the trial did not run: ", error.message())};
        }
    }

    static std::optional<Error> try_restart() {
        try {
            system::restart_machine();
        } catch (const Error& error) {
            return error;
        }
        return std::nullopt;
    }

    static void print(Session& session, const BootCheckOutcome& outcome) {
        for (const std::string& warning : outcome.report.warnings) log_warning(warning);
        if (session.options.json) {
            session.print(to_document(to_json(outcome)));
            return;
        }
        for (const CheckResult& result : outcome.report.results) session.print(line_of(result));
        session.print(words_for(outcome));
        if (!outcome.reason.empty()) session.print(concat("reason: ", outcome.reason, '\n'));
    }

    unsigned timeout_ = 60;
    unsigned total_timeout_ = 300;
    bool no_reboot_ = false;
};

}  // namespace

constexpr auto kBootCheckExamples = std::to_array<std::string_view>({
    "osb-oci boot-check",
    "osb-oci boot-check --no-reboot --json",
});

const VerbEntry kBootCheckVerb{
    .name = "boot-check",
    .summary = "Run the health checks of a boot and end a trial",
    .description =
        "Runs the checks in /etc/osb/check and /usr/lib/osb/check. If the system is on trial and all "
        "required checks pass, it becomes the default. If one fails, the machine restarts, and the "
        "bootloader starts the previous system. A service runs this command at the end of each boot. To "
        "run the checks by hand, use --no-reboot.",
    .examples = kBootCheckExamples,
    .related = {"upgrade", "rollback", "status"},
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<BootCheckVerb>(); },
};

}  // namespace osb::cli
