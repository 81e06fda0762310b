// osb-oci switch: another image is followed from now on.
#include <CLI/CLI.hpp>

#include "cli/registry_flags.hh"
#include "cli/sysroot_flags.hh"
#include "cli/upgrade_report.hh"
#include "cli/verb.hh"
#include "system/upgrade.hh"

namespace osb::cli {
namespace {

class SwitchVerb final : public Verb {
  public:
    void declare(CLI::App& app) override {
        app.add_option("IMAGE", options_.switch_to,
                       "docker://HOST/NAME:TAG, HOST/NAME:TAG, or ostree-unverified-registry:...")
            ->required();
        app.add_flag("--apply", apply_, "restart the machine into it");
        app.add_flag("--force", options_.force, "also an image that failed its trial before");
        sysroot_.declare(app);
        app.add_option("--jobs", options_.jobs, "threads that work [one a core]")
            ->type_name("N")
            ->check(CLI::Range(1, kMaxJobs));
        registry_.declare(app);
    }

    void run(Session& session) override {
        options_.registry = registry_.options();
        run_upgrade(session, sysroot_, options_, apply_);
    }

  private:
    static constexpr int kMaxJobs = 1024;

    SysrootFlags sysroot_;
    bool apply_ = false;
    RegistryFlags registry_;
    system::UpgradeOptions options_;
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
