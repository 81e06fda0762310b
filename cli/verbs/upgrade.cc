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
             .help = "only tell what is new: versions, packages, bytes; exit status 77 for nothing",
             .excludes = {"--apply", "--download-only"},
             .target = &check_},
            {.name = "--download-only",
             .help = "fetch, and deploy nothing",
             .target = &flags_.upgrade.download_only},
            {.name = "--apply",
             .help = "restart the machine when there is something new to start",
             .excludes = {"--download-only"},
             .target = &apply_},
            {.name = "--allow-downgrade",
             .help = "also an older image",
             .target = &flags_.upgrade.allow_downgrade},
            {.name = "--from",
             .value = "IMAGE",
             .help = "read this image instead, e.g. oci:/media/usb/os; the system goes on following its own",
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
    .summary = "Fetches what the system's image is now and has the next boot start it",
    .examples = kUpgradeExamples,
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<UpgradeVerb>(); },
};

}  // namespace osb::cli
