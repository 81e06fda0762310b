#include "system/extension/extension_release.hh"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/state_file.hh"
#include "system/origin/machine_platform.hh"

namespace osb::system {
namespace {

constexpr std::string_view kAny = "_any";

std::string_view value_of(const image::OsRelease& release, std::string_view key) {
    const auto found = release.find(key);
    return found == release.end() ? std::string_view{} : std::string_view(found->second);
}

std::string differs(std::string_view key, std::string_view extension, std::string_view system) {
    return concat("it is for ", key, ' ', quoted(extension), ", and the system has ",
                  system.empty() ? std::string("none") : quoted(system));
}

// True if `word` is one of the words of `text`.
bool has_word(std::string_view text, std::string_view word) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        if (text.substr(0, end) == word) return true;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return false;
}

std::string why_version_unfit(const image::OsRelease& extension, const image::OsRelease& system) {
    const std::string_view own_level = value_of(extension, "SYSEXT_LEVEL");
    const std::string_view level = value_of(system, "SYSEXT_LEVEL");
    if (!own_level.empty() && !level.empty())
        return own_level == level ? "" : differs("SYSEXT_LEVEL", own_level, level);
    const std::string_view version = value_of(system, "VERSION_ID");
    if (version.empty() && level.empty()) return "";
    const std::string_view own_version = value_of(extension, "VERSION_ID");
    if (own_version.empty()) return concat("it states no VERSION_ID, and the system has ", quoted(version));
    return own_version == version ? "" : differs("VERSION_ID", own_version, version);
}

}  // namespace

std::string systemd_architecture(std::string_view oci_name) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kNames{
        {{"amd64", "x86-64"},
         {"386", "x86"},
         {"ppc64le", "ppc64-le"},
         {"loong64", "loongarch64"},
         {"mips64le", "mips64-le"}}};
    for (const auto& [oci, systemd] : kNames) {
        if (oci == oci_name) return std::string(systemd);
    }
    return std::string(oci_name);
}

std::string why_unfit(const image::OsRelease& extension, const image::OsRelease& system,
                      std::string_view architecture) {
    const std::string_view own_architecture = value_of(extension, "ARCHITECTURE");
    if (!own_architecture.empty() && own_architecture != kAny && own_architecture != architecture)
        return differs("ARCHITECTURE", own_architecture, architecture);
    const std::string_view scope = value_of(extension, "SYSEXT_SCOPE");
    if (!scope.empty() && !has_word(scope, "system"))
        return concat("its SYSEXT_SCOPE ", quoted(scope), " does not include 'system'");
    const std::string_view id = value_of(extension, "ID");
    if (id.empty()) return "its extension-release states no ID";
    if (id == kAny) return "";
    const std::string_view system_id = value_of(system, "ID");
    if (id != system_id) return differs("ID", id, system_id);
    return why_version_unfit(extension, system);
}

image::OsRelease read_system_release(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment) {
    for (const char* name : {"/usr/etc/os-release", "/usr/lib/os-release"}) {
        try {
            return image::parse_os_release(read_regular_file(
                AT_FDCWD, concat(sysroot.path_of(deployment.id.path()), name), image::kMaxOsRelease));
        } catch (const Error& error) {
            // The first is usually a link to the second.
            if (error.kind() != ErrorKind::not_found && error.kind() != ErrorKind::invalid) throw;
        }
    }
    return {};
}

FitCheck::FitCheck(const ostree::Sysroot& sysroot, const ostree::Deployment& current,
                   image::OsRelease release)
    : release_(std::move(release)),
      architecture_(systemd_architecture(machine_platform(sysroot, current).architecture)) {}

FitCheck FitCheck::of(const ostree::Sysroot& sysroot, const ostree::Deployment& current) {
    return {sysroot, current, read_system_release(sysroot, current)};
}

std::string FitCheck::why_not(const image::OsRelease& extension) const {
    return why_unfit(extension, release_, architecture_);
}

}  // namespace osb::system
