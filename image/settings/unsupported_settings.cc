#include "image/settings/unsupported_settings.hh"

#include <algorithm>
#include <array>

#include "base/bytes.hh"

namespace osb::image {
namespace {

struct Refusal {
    std::string_view setting;
    std::string_view reason;
};

constexpr std::string_view kPackages = "the Containerfile installs packages";
constexpr std::string_view kInstaller = "the disk is written without an installer, and no ISO image is made";
constexpr std::string_view kRpm = "the system has no RPM packages";
constexpr std::string_view kFirstBoot = "use files, users and services here, or add a service to the image";

// The settings of osbuild's blueprints that parse_config() does not read.
constexpr std::array kRefusals{
    Refusal{"config.packages", kPackages},
    Refusal{"config.modules", kPackages},
    Refusal{"config.enabled_modules", kPackages},
    Refusal{"config.groups", kPackages},
    Refusal{"config.containers", "the Containerfile adds containers"},
    Refusal{"config.distro", "the image is the distribution"},
    Refusal{"config.architecture", "use --platform"},
    Refusal{"config.minimal", kPackages},
    Refusal{"customizations.bootloader", "SYSLINUX is the bootloader"},
    Refusal{
        "customizations.cacerts",
        "the Containerfile adds certificates, and \"files\" those of a registry: /etc/containers/certs.d"},
    Refusal{"customizations.containers-storage", "the Containerfile adds containers"},
    Refusal{"customizations.disk", "use \"filesystem\" for the sizes of / and /boot, and --partition-table"},
    Refusal{"customizations.dnf", kRpm},
    Refusal{"customizations.fdo", kInstaller},
    Refusal{"customizations.fips", "the Containerfile configures the system's cryptography"},
    Refusal{"customizations.firewall", "write the rules of the image's firewall with \"files\""},
    Refusal{"customizations.firstboot", kFirstBoot},
    Refusal{"customizations.ignition", kFirstBoot},
    Refusal{"customizations.installation_device", kInstaller},
    Refusal{"customizations.installer", kInstaller},
    Refusal{"customizations.iso", kInstaller},
    Refusal{"customizations.kernel.name", "the image has the kernel"},
    Refusal{"customizations.openscap", "check and harden the image when you build it"},
    Refusal{"customizations.partitioning_mode", "the disk has the partitions BOOT and ROOT"},
    Refusal{"customizations.repositories", kPackages},
    Refusal{"customizations.rhsm", kRpm},
    Refusal{"customizations.rpm", kRpm},
    Refusal{"customizations.sshd", "write /etc/ssh/sshd_config.d/NAME.conf with \"files\""},
    Refusal{"customizations.files.uri", "only \"data\" is read: the disk must not depend on other files"},
};

}  // namespace

std::string_view unsupported_reason(std::string_view setting) {
    const auto* const found = std::find_if(kRefusals.begin(), kRefusals.end(),
                                           [&](const Refusal& one) { return one.setting == setting; });
    return found == kRefusals.end() ? std::string_view{} : found->reason;
}

Error unsupported_setting(const std::string& setting) {
    Error out(ErrorKind::unsupported, concat(setting, " is not supported"));
    const std::string_view reason = unsupported_reason(setting);
    if (!reason.empty()) out.hint(std::string(reason));
    return out;
}

}  // namespace osb::image
