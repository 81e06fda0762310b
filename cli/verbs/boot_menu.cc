// osb-oci boot-menu: updates the bootloader's menu from the deployments.
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
             .kind = ValueKind::directory,
             .help = "root filesystem of the disk",
             .default_shown = "/, or the parent directory of --boot",
             .target = &sysroot_},
            {.name = "--boot",
             .value = "DIR",
             .kind = ValueKind::directory,
             .help = "mount point of the bootloader's partition",
             .default_shown = "boot below the sysroot",
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
    .summary = "Write the bootloader's menu from the boot entries",
    .description =
        "Writes extlinux/entries.conf in BOOT, the part of SYSLINUX's menu that lists the deployments, "
        "and prints the names of the entries. The newest deployment comes first and is the default. "
        "libostree runs this command whenever deployments change, so you rarely need it yourself. If the "
        "default entry could not boot, nothing is changed.",
    .examples = kBootMenuExamples,
    .related = {"status", "boot-check"},
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<BootMenuVerb>(); },
};

}  // namespace osb::cli
