// osb-oci switch: follows another image from now on.
#include "cli/options/upgrade_flags.hh"
#include "cli/options/verb.hh"
#include "cli/reports/upgrade_report.hh"
#include "system/upgrade/upgrade.hh"

namespace osb::cli {
namespace {

class SwitchVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add({
            {.name = "IMAGE",
             .kind = ValueKind::image,
             .help = "docker://HOST/NAME:TAG, HOST/NAME:TAG, ostree-image-signed:docker://..., "
                     "or ostree-remote-registry:REMOTE:HOST/NAME:TAG",
             .required = true,
             .not_empty = true,
             .target = &flags_.upgrade.switch_to},
            {.name = "--apply", .help = "restart into it now", .target = &apply_},
        });
        flags_.declare(arguments);
    }

    bool calls_in_sandbox() const override { return true; }

    void run(Session& session) override {
        system::UpgradeOptions options = flags_.options();
        options.sandbox = session.sandbox();
        run_upgrade(session, flags_.sysroot, options, apply_);
    }

  private:
    UpgradeFlags flags_;
    bool apply_ = false;
};

}  // namespace

constexpr auto kSwitchExamples = std::to_array<std::string_view>({
    "osb-oci switch quay.io/example/os:stable",
    "osb-oci switch ostree-remote-registry:vendor:registry.example.com/os:stable",
    "osb-oci switch --apply docker://registry.example.com/os@sha256:...",
});

const VerbEntry kSwitchVerb{
    .name = "switch",
    .summary = "Deploy another image and follow it from now on",
    .description =
        "Fetches and deploys IMAGE, and makes it the image that later upgrades follow. Changes in /etc "
        "are merged, and kernel arguments are kept. The next boot tries the new system, as after "
        "'osb-oci upgrade'. If IMAGE is what runs already, only the followed name changes.",
    .examples = kSwitchExamples,
    .related = {"upgrade", "rollback", "status"},
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<SwitchVerb>(); },
};

}  // namespace osb::cli
