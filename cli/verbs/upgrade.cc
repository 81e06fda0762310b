// osb-oci upgrade: the system that the followed name stands for now is fetched and deployed.
#include "system/upgrade/upgrade.hh"
#include "cli/options/upgrade_flags.hh"
#include "cli/options/verb.hh"
#include "cli/reports/update_check_report.hh"
#include "cli/reports/upgrade_report.hh"

namespace osb::cli {
namespace {

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
            {.name = "--from",
             .value = "IMAGE",
             .kind = ValueKind::image,
             .help = "read this image instead, e.g. oci:/media/usb/os; the system keeps following its own",
             .target = &flags_.upgrade.from},
        });
        flags_.declare(arguments);
    }

    void run(Session& session) override {
        const system::UpgradeOptions options = flags_.options();
        if (!check_) return run_upgrade(session, flags_.sysroot, options, apply_);
        const system::UpdateCheck check = system::check_update(flags_.sysroot.open(), options);
        if (!check.is_work(options)) throw nothing_new(check);
        session.print(session.options.json ? check_document(check) : describe_check(check));
    }

  private:
    UpgradeFlags flags_;
    bool check_ = false;
    bool apply_ = false;
};

}  // namespace

constexpr auto kUpgradeExamples = std::to_array<std::string_view>({
    "osb-oci upgrade --check",
    "osb-oci upgrade --apply",
    "osb-oci upgrade --from oci:/media/usb/os",
    "osb-oci upgrade --sysroot /mnt",
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
