// osb-oci switch: another image is followed from now on.
#include <CLI/CLI.hpp>

#include "cli/upgrade_flags.hh"
#include "cli/upgrade_report.hh"
#include "cli/verb.hh"
#include "system/upgrade.hh"

namespace osb::cli {
namespace {

class SwitchVerb final : public Verb {
  public:
    void declare(CLI::App& app) override {
        app.add_option("IMAGE", flags_.upgrade.switch_to,
                       "docker://HOST/NAME:TAG, HOST/NAME:TAG, or ostree-unverified-registry:...")
            ->required();
        app.add_flag("--apply", apply_, "restart the machine into it");
        flags_.declare(app);
    }

    void run(Session& session) override { run_upgrade(session, flags_.sysroot, flags_.options(), apply_); }

  private:
    UpgradeFlags flags_;
    bool apply_ = false;
};

}  // namespace

const VerbEntry kSwitchVerb{
    .name = "switch",
    .summary = "Deploys another image and follows it from now on",
    .examples =
        "  osb-oci switch quay.io/example/os:stable\n"
        "  osb-oci switch --apply docker://registry.example.com/os@sha256:...\n",
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<SwitchVerb>(); },
};

}  // namespace osb::cli
