// osb-oci upgrade: the system that the followed name stands for now is fetched and deployed.
#include <CLI/CLI.hpp>

#include "cli/registry_flags.hh"
#include "cli/sysroot_flags.hh"
#include "cli/update_check_report.hh"
#include "cli/upgrade_report.hh"
#include "cli/verb.hh"
#include "system/upgrade.hh"

namespace osb::cli {
namespace {

class UpgradeVerb final : public Verb {
  public:
    void declare(CLI::App& app) override {
        CLI::Option* check =
            app.add_flag("--check", check_,
                         "only tell what is new: versions, packages, bytes; exit status 77 for nothing");
        CLI::Option* download =
            app.add_flag("--download-only", options_.download_only, "fetch, and deploy nothing");
        CLI::Option* apply =
            app.add_flag("--apply", apply_, "restart the machine when there is something new to start");
        apply->excludes(download);
        check->excludes(apply)->excludes(download);
        app.add_flag("--allow-downgrade", options_.allow_downgrade, "also an older image");
        app.add_flag("--force", options_.force, "also an image that failed its trial before");
        app.add_option(
               "--from", options_.from,
               "read this image instead, e.g. oci:/media/usb/os; the system goes on following its own")
            ->type_name("IMAGE");
        sysroot_.declare(app);
        app.add_option("--jobs", options_.jobs, "threads that work [one a core]")
            ->type_name("N")
            ->check(CLI::Range(1, kMaxJobs));
        registry_.declare(app);
    }

    void run(Session& session) override {
        options_.registry = registry_.options();
        if (!check_) return run_upgrade(session, sysroot_, options_, apply_);
        const system::UpdateCheck check = system::check_update(sysroot_.open(), options_);
        const bool is_refused =
            (check.failed && !options_.force) || (check.is_older && !options_.allow_downgrade);
        if (!check.is_new() || is_refused) throw nothing_new(check);
        session.print(session.options.json ? to_document(check_to_json(check)) : describe_check(check));
    }

  private:
    static constexpr int kMaxJobs = 1024;

    SysrootFlags sysroot_;
    bool check_ = false;
    bool apply_ = false;
    RegistryFlags registry_;
    system::UpgradeOptions options_;
};

}  // namespace

const VerbEntry kUpgradeVerb{
    .name = "upgrade",
    .summary = "Fetches what the system's image is now and has the next boot start it",
    .examples =
        "  osb-oci upgrade --check\n"
        "  osb-oci upgrade --apply\n"
        "  osb-oci upgrade --from oci:/media/usb/os\n"
        "  osb-oci upgrade --sysroot /mnt\n",
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<UpgradeVerb>(); },
};

}  // namespace osb::cli
