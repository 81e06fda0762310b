// osb-oci upgrade: fetches and deploys the current system of the followed name.
#include "system/upgrade/upgrade.hh"

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <thread>

#include "base/error.hh"
#include "base/interrupt.hh"
#include "cli/options/upgrade_flags.hh"
#include "cli/options/verb.hh"
#include "cli/reports/update_check_report.hh"
#include "cli/reports/upgrade_report.hh"
#include "system/check/restart.hh"
#include "system/upgrade/unattended.hh"
#include "system/upgrade/update_check.hh"

namespace osb::cli {
namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

void sleep_for(std::chrono::seconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
        check_interrupt();
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
}

system::UnattendedJob unattended_job() {
    // For tests: below it are /etc, /run and /var, and the program is the one in $PATH.
    const std::string root = environment("OSB_UPGRADE_ROOT");
    return {.root = root,
            .program = root.empty() ? "/proc/self/exe" : "osb-oci",
            .now = [] { return static_cast<std::int64_t>(std::time(nullptr)); },
            .sleep = sleep_for,
            .restart = system::restart_machine};
}

class UpgradeVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add({
            {.name = "--check",
             .help =
                 "show the versions, packages and bytes that would change; exit status 77 if nothing would",
             .excludes = {"--apply", "--download-only"},
             .target = &check_},
            {.name = "--download-only",
             .help = "fetch the image, but do not deploy it",
             .target = &flags_.upgrade.download_only},
            {.name = "--apply",
             .help = "restart now if the next boot starts another system",
             .excludes = {"--download-only"},
             .target = &apply_},
            {.name = "--allow-downgrade",
             .help = "accept an older image",
             .target = &flags_.upgrade.allow_downgrade},
            {.name = "--max-age",
             .value = "DAYS",
             .help = "warn if the image was built more days ago; updates may be held back",
             .range = Range{.least = 1, .most = 36500},
             .target = &flags_.upgrade.max_age},
            {.name = "--from",
             .value = "IMAGE",
             .kind = ValueKind::image,
             .help = "read this image instead, e.g. oci:/media/usb/os; the system keeps following its own",
             .not_empty = true,
             .target = &flags_.upgrade.from},
            {.name = "--unattended",
             .help = "for cron: upgrade if /etc/conf.d/osb-upgrade allows it now, with the options set there",
             .excludes = {"--check", "--download-only", "--apply"},
             .target = &unattended_},
        });
        flags_.declare(arguments);
    }

    // A check changes nothing, so all of it is in the sandbox.
    std::optional<SandboxRules> sandbox(const CommonOptions& /*options*/, const Io& /*io*/) const override {
        if (!check_) return std::nullopt;
        return sandbox_of_check(flags_.sysroot, flags_.upgrade);
    }
    bool calls_in_sandbox() const override { return !check_ && !unattended_; }

    void run(Session& session) override {
        if (unattended_) return run_job();
        system::UpgradeOptions options = flags_.options();
        options.sandbox = session.sandbox();
        options.unattended = environment(system::kUnattendedVariable) == "1";
        if (!check_) return run_upgrade(session, flags_.sysroot, options, apply_);
        const system::UpdateCheck check = system::check_update(flags_.sysroot.open(), options);
        if (!check.plan.is_work()) throw to_error(check.plan, check.facts);
        session.print(session.options.json ? check_document(check) : describe_check(check));
    }

  private:
    void run_job() const {
        const system::UpgradeOptions& upgrade = flags_.upgrade;
        const bool is_alone = flags_.sysroot.sysroot == "/" && upgrade.from.empty() &&
                              !upgrade.allow_downgrade && !upgrade.force && !upgrade.max_age &&
                              upgrade.jobs == 0 && flags_.fetch.way() == ostree::FetchWay::automatic &&
                              !flags_.registry.given();
        if (!is_alone) {
            throw Error(ErrorKind::usage, "--unattended excludes other options of an upgrade")
                .hint("osb_upgrade_options in /etc/conf.d/osb-upgrade has them");
        }
        system::run_unattended(unattended_job());
    }

    UpgradeFlags flags_;
    bool check_ = false;
    bool apply_ = false;
    bool unattended_ = false;
};

}  // namespace

constexpr auto kUpgradeExamples = std::to_array<std::string_view>({
    "osb-oci upgrade --check",
    "osb-oci upgrade --apply",
    "osb-oci upgrade --from oci:/media/usb/os",
    "osb-oci upgrade --sysroot /mnt",
    "osb-oci upgrade --unattended",
});

const VerbEntry kUpgradeVerb{
    .name = "upgrade",
    .summary = "Upgrade the system to the current version of its image",
    .description =
        "Fetches the image that the followed name points to now, deploys it, and lets the next boot try "
        "it. Only missing layers are fetched. The running system stays the default until the new one has "
        "passed its health checks. Changes in /etc are merged, and kernel arguments are kept. Images "
        "that are older, that failed their trial before, or that are for another platform are refused. "
        "You can interrupt the command at any time: the next boot starts a complete system.",
    .examples = kUpgradeExamples,
    .related = {"switch", "rollback", "status", "boot-check"},
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<UpgradeVerb>(); },
};

}  // namespace osb::cli
