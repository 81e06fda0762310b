// osb-oci boot-menu: the bootloader's menu follows the deployments.
#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/escape.hh"
#include "cli/options/verb.hh"
#include "cli/output/json_output.hh"
#include "image/boot/boot_menu.hh"
#include "system/trial/trial_menu.hh"

namespace osb::cli {
namespace {

class BootMenuVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add({
            {.name = "--sysroot",
             .value = "DIR",
             .help = "where the root filesystem of the disk is mounted",
             .default_shown = "/, with --boot the directory above that",
             .target = &sysroot_},
            {.name = "--boot",
             .value = "DIR",
             .help = "where the bootloader's partition is mounted",
             .default_shown = "boot in the sysroot",
             .target = &boot_},
        });
    }

    void run(Session& session) override {
        std::string boot = boot_;
        if (boot.empty()) boot = concat(sysroot_ == "/" ? std::string() : sysroot_, "/boot");
        const std::string sysroot = sysroot_.empty() ? concat(boot, "/..") : sysroot_;
        image::check_default_entry(boot);
        const std::vector<std::string> entries = image::update_boot_menu(boot, system::trial_menu(sysroot));
        if (session.options.json) {
            session.print(to_document({{"schema", 1}, {"entries", entries}}));
            return;
        }
        for (const std::string& entry : entries) session.print(entry + '\n');
    }

  private:
    std::string sysroot_;
    std::string boot_;
};

}  // namespace

constexpr auto kBootMenuExamples = std::to_array<std::string_view>({
    "osb-oci boot-menu",
    "osb-oci boot-menu --sysroot /mnt",
});

const VerbEntry kBootMenuVerb{
    .name = "boot-menu",
    .summary = "Writes the bootloader's menu anew from the boot entries of the deployments",
    .examples = kBootMenuExamples,
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<BootMenuVerb>(); },
};

}  // namespace osb::cli
