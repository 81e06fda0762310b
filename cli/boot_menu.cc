// osb-oci boot-menu: the bootloader's menu follows the deployments.
#include <CLI/CLI.hpp>

#include "base/bytes.hh"
#include "base/escape.hh"
#include "cli/json_output.hh"
#include "cli/verb.hh"
#include "image/boot_menu.hh"

namespace osb::cli {
namespace {

class BootMenuVerb final : public Verb {
  public:
    void declare(CLI::App& app) override {
        app.add_option("--boot", boot_, "where the bootloader's partition is mounted [/boot]")
            ->type_name("DIR");
    }

    void run(Session& session) override {
        const std::vector<std::string> entries = image::update_boot_menu(boot_);
        if (session.options.json) {
            session.print(to_document({{"schema", 1}, {"entries", entries}}));
            return;
        }
        for (const std::string& entry : entries) session.print(entry + '\n');
    }

  private:
    std::string boot_ = "/boot";
};

}  // namespace

const VerbEntry kBootMenuVerb{
    .name = "boot-menu",
    .summary = "Writes the bootloader's menu anew from the boot entries of the deployments",
    .examples =
        "  osb-oci boot-menu\n"
        "  osb-oci boot-menu --boot /mnt/boot\n",
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<BootMenuVerb>(); },
};

}  // namespace osb::cli
