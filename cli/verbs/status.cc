// osb-oci status: shows the deployments and the system of the next boot.
#include "system/deploy/status.hh"

#include <ctime>

#include "base/error.hh"
#include "cli/options/registry_flags.hh"
#include "cli/options/sysroot_flags.hh"
#include "cli/options/upgrade_flags.hh"
#include "cli/options/verb.hh"
#include "cli/output/display.hh"
#include "cli/reports/metrics_report.hh"
#include "cli/reports/status_report.hh"
#include "system/diff/deployment_changes.hh"

namespace osb::cli {
namespace {

// Colours for standard output, which may be another terminal than standard error.
bool colours_output(const Session& session) {
    const Io& io = session.console.io();
    if (session.options.colour == "auto" && !io.out_is_terminal) return false;
    return use_colour(session.options, io);
}

class StatusVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add({{.name = "--check",
                        .help = "also ask the registry or the ostree remote for an update",
                        .target = &check_},
                       {.name = "--prometheus",
                        .help = "print metrics for node_exporter's textfile collector",
                        .target = &prometheus_}});
        sysroot_.declare(arguments);
        registry_.declare(arguments);
    }

    std::optional<SandboxRules> sandbox(const CommonOptions& /*options*/, const Io& /*io*/) const override {
        if (!check_) return std::nullopt;
        return sandbox_of_check(sysroot_, {});
    }

    void run(Session& session) override {
        system::UpgradeOptions options;
        options.registry = registry_.options();
        const ostree::Sysroot sysroot = sysroot_.open();
        const system::SystemStatus status = system::read_status(sysroot);
        StatusView view{.status = status,
                        .check = std::nullopt,
                        .now = static_cast<std::int64_t>(std::time(nullptr)),
                        .colour = colours_output(session)};
        const bool json = session.options.json;
        if (prometheus_) {
            if (json) throw Error(ErrorKind::usage, "--prometheus and --json exclude each other");
            if (check_) view.check = system::check_update(sysroot, options, system::CheckDepth::release);
            session.print(metrics_document(view, system::read_boot_check()));
            return;
        }
        if (session.options.verbose) view.changes = system::deployment_changes(sysroot);
        // What is known is shown before the network has its say.
        if (!json) session.print(describe_status(view));
        session.console.io().out.flush();
        if (check_) view.check = system::check_update(sysroot, options, system::CheckDepth::release);
        session.print(json ? status_document(view) : describe_check(view));
    }

  private:
    SysrootFlags sysroot_;
    RegistryFlags registry_;
    bool check_ = false;
    bool prometheus_ = false;
};

}  // namespace

constexpr auto kStatusExamples = std::to_array<std::string_view>({
    "osb-oci status",
    "osb-oci status --check",
    "osb-oci status --json | jq '.deployments[] | select(.booted)'",
    "osb-oci status --prometheus > /var/lib/node_exporter/osb-oci.prom",
    "osb-oci status --sysroot /mnt",
});

const VerbEntry kStatusVerb{
    .name = "status",
    .summary = "Show the deployments of a system",
    .description =
        "Lists the deployments with their roles: booted, on trial, rollback, pinned. It also shows which "
        "image each one came from, which one the next boot starts, and why the last trial failed. It "
        "needs no privileges. --check also asks the registry or the ostree remote whether there is an "
        "update. --verbose also compares the packages and files of each deployment with the booted one.",
    .examples = kStatusExamples,
    .related = {"upgrade", "rollback", "pin", "kargs"},
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<StatusVerb>(); },
};

}  // namespace osb::cli
