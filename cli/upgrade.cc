// osb-oci upgrade: the system that the followed name stands for now is fetched and deployed.
#include <CLI/CLI.hpp>

#include "cli/update_check_report.hh"
#include "cli/upgrade_flags.hh"
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
            app.add_flag("--download-only", flags_.upgrade.download_only, "fetch, and deploy nothing");
        CLI::Option* apply =
            app.add_flag("--apply", apply_, "restart the machine when there is something new to start");
        apply->excludes(download);
        check->excludes(apply)->excludes(download);
        app.add_flag("--allow-downgrade", flags_.upgrade.allow_downgrade, "also an older image");
        app.add_option(
               "--from", flags_.upgrade.from,
               "read this image instead, e.g. oci:/media/usb/os; the system goes on following its own")
            ->type_name("IMAGE");
        flags_.declare(app);
    }

    void run(Session& session) override {
        const system::UpgradeOptions options = flags_.options();
        if (!check_) return run_upgrade(session, flags_.sysroot, options, apply_);
        const system::UpdateCheck check = system::check_update(flags_.sysroot.open(), options);
        if (!check.is_work(options)) throw nothing_new(check);
        session.print(session.options.json ? to_document(check_to_json(check)) : describe_check(check));
    }

  private:
    UpgradeFlags flags_;
    bool check_ = false;
    bool apply_ = false;
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
