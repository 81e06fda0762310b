// Whether an extension fits a system: extension-release files, by the rules of systemd-sysext(8).
#pragma once

#include <string>
#include <string_view>

#include "image/deployment/os_release.hh"
#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// The directory of the file "extension-release.NAME" in an extension.
inline constexpr std::string_view kReleaseDirectory = "usr/lib/extension-release.d/";
inline constexpr std::string_view kReleasePrefix = "extension-release.";

// The name of a processor in systemd's files ("x86-64") for the name of Go and OCI images ("amd64"). Returns
// an unknown name unchanged.
std::string systemd_architecture(std::string_view oci_name);

// Returns the reason why the extension does not fit the system, escaped, or "" if it fits:
// - ARCHITECTURE, if the extension has it, is `architecture` (systemd_architecture()) or "_any".
// - SYSEXT_SCOPE, if the extension has it, includes "system".
// - ID is the system's, or "_any", which fits every version.
// - SYSEXT_LEVEL is the system's if both have one; otherwise VERSION_ID is the system's. A system with
//   neither is a rolling one, and every version fits.
// Pure.
std::string why_unfit(const image::OsRelease& extension, const image::OsRelease& system,
                      std::string_view architecture);

// Reads the os-release that came with the deployment's image: usr/etc/os-release, or else usr/lib/os-release.
// The extensions on /usr and the machine's own /etc do not count. Empty if there is none. Throws Error{io}.
image::OsRelease read_system_release(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);

// Says whether extensions fit one system.
class FitCheck {
  public:
    // A system with this os-release, on the machine of the deployment. Throws as machine_platform().
    FitCheck(const ostree::Sysroot& sysroot, const ostree::Deployment& current, image::OsRelease release);
    // The deployment itself. Throws also as read_system_release().
    static FitCheck of(const ostree::Sysroot& sysroot, const ostree::Deployment& current);

    // As why_unfit().
    std::string why_not(const image::OsRelease& extension) const;

  private:
    image::OsRelease release_;
    std::string architecture_;
};

}  // namespace osb::system
