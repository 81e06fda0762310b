#include "system/extension/extension.hh"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "base/stream.hh"
#include "system/extension/extension_release.hh"
#include "system/extension/usr_overlay.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

constexpr const char* kFilesMissing = "its files are missing: add it again";

bool has_files(const Sysroot& sysroot, const ostree::CommitId& commit) {
    std::error_code error;
    return std::filesystem::is_directory(extension_directory(sysroot, commit), error);
}

// The reason why it is left out, or "".
std::string why_unfit_here(const FitCheck& fit, const Extension& extension) {
    return extension.is_forced ? "" : fit.why_not(extension.release);
}

bool is_off_for_this_boot() {
    constexpr std::size_t kMaxCommandLine = 64UL * 1024;
    FdSource source(open_at(AT_FDCWD, "/proc/cmdline", O_RDONLY), "/proc/cmdline");
    const std::string text = concat(' ', read_all(source, kMaxCommandLine, "/proc/cmdline"), ' ');
    const std::size_t at = text.find(concat(' ', kExtensionsOff));
    if (at == std::string::npos) return false;
    const char after = text[at + 1 + kExtensionsOff.size()];
    return after == ' ' || after == '\n';
}

// True if the list of merged extensions has it.
bool is_merged(const std::vector<MergedExtension>& merged, const Extension& extension) {
    return std::find(merged.begin(), merged.end(),
                     MergedExtension{.name = extension.name, .commit = extension.commit}) != merged.end();
}

ExtensionStatus extension_status(const Sysroot& sysroot, const FitCheck& fit, Extension extension,
                                 const std::vector<MergedExtension>& merged, const std::string& why_waiting) {
    ExtensionStatus out{.extension = std::move(extension), .state = ExtensionState::waiting, .reason = ""};
    if (is_merged(merged, out.extension)) {
        out.state = ExtensionState::merged;
    } else if (out.reason = why_unfit_here(fit, out.extension); !out.reason.empty()) {
        out.state = ExtensionState::unfit;
    } else if (!has_files(sysroot, out.extension.commit)) {
        out.state = ExtensionState::missing;
        out.reason = kFilesMissing;
    } else {
        out.reason = why_waiting;
    }
    return out;
}

std::string why_not_merged_now(const Deployment& current) {
    if (!current.booted) return "";
    if (is_off_for_this_boot()) return concat(kExtensionsOff, " is set for this boot");
    if (current.usr == ostree::UsrState::hotfix)
        return "/usr of this deployment is writable (ostree admin unlock --hotfix)";
    if (current.usr != ostree::UsrState::read_only) return "/usr is writable until the restart";
    return "";
}

}  // namespace

Deployment current_deployment(const Sysroot& sysroot) {
    if (auto booted = sysroot.booted()) return *booted;
    if (!sysroot.deployments().empty()) return sysroot.deployments().front();
    throw Error(ErrorKind::not_found, "nothing is deployed");
}

std::vector<ExtensionStatus> read_extension_status(const Sysroot& sysroot) {
    const Deployment current = current_deployment(sysroot);
    const FitCheck fit = FitCheck::of(sysroot, current);
    const std::vector<MergedExtension> merged =
        current.booted ? read_merged() : std::vector<MergedExtension>{};
    const std::string why_waiting = why_not_merged_now(current);
    std::vector<ExtensionStatus> out;
    for (Extension& one : read_extensions(sysroot, current.id.stateroot))
        out.push_back(extension_status(sysroot, fit, std::move(one), merged, why_waiting));
    for (const MergedExtension& one : merged) {
        const bool is_listed = std::any_of(out.begin(), out.end(), [&](const ExtensionStatus& status) {
            return status.extension.name == one.name;
        });
        if (is_listed) continue;
        out.push_back({.extension = {.name = one.name,
                                     .commit = one.commit,
                                     .image = "",
                                     .digest = "",
                                     .version = "",
                                     .release = {}},
                       .state = ExtensionState::leaving,
                       .reason = "it was removed, and stays until the next boot"});
    }
    std::sort(out.begin(), out.end(), [](const ExtensionStatus& a, const ExtensionStatus& b) {
        return a.extension.name < b.extension.name;
    });
    return out;
}

std::vector<UnfitExtension> find_unfit_extensions(const Sysroot& sysroot, const image::OsRelease& release) {
    std::vector<UnfitExtension> out;
    try {
        const Deployment current = current_deployment(sysroot);
        const FitCheck fit(sysroot, current, release);
        for (const Extension& one : read_extensions(sysroot, current.id.stateroot)) {
            if (std::string reason = why_unfit_here(fit, one); !reason.empty())
                out.push_back({.name = one.name, .reason = std::move(reason)});
        }
    } catch (const Error& error) {
        log_warning(concat("cannot tell which extensions fit: ", error.message()));
    }
    return out;
}

MergeReport merge_extensions(const Sysroot& sysroot, const MountNamespace& where) {
    const Deployment booted = require_booted(sysroot);
    const std::string mountinfo = read_mountinfo();
    MergeReport out{.effect = ExtensionEffect::now, .merged = read_merged(mountinfo), .left_out = {}};
    if (booted.usr != ostree::UsrState::read_only || is_off_for_this_boot()) {
        out.effect = ExtensionEffect::next_boot;
        return out;
    }
    const FitCheck fit = FitCheck::of(sysroot, booted);
    std::vector<MergedExtension> wanted;
    UsrOverlay overlay{.source = kExtensionsSource, .layers = {}, .writable_directory = ""};
    for (const Extension& one : read_extensions(sysroot, booted.id.stateroot)) {
        std::string reason = why_unfit_here(fit, one);
        if (reason.empty() && !has_files(sysroot, one.commit)) reason = kFilesMissing;
        if (!reason.empty()) {
            out.left_out.push_back({.name = one.name, .reason = std::move(reason)});
            continue;
        }
        wanted.push_back({.name = one.name, .commit = one.commit});
        overlay.layers.insert(overlay.layers.begin(), extension_directory(sysroot, one.commit));
    }
    const bool is_covered = count_own_overlays(mounts_on(mountinfo, "/usr")) > 0;
    if (wanted == out.merged && is_covered == !wanted.empty()) return out;
    if (!wanted.empty()) {
        for (const std::string& below : mounts_below(mountinfo, "/usr"))
            log_warning(concat("the extensions hide the mount on ", escape(below)));
        mount_on_usr(where, overlay, is_covered);
    } else if (is_covered) {
        unmount_usr(where);
    }
    write_merged(wanted);
    out.merged = std::move(wanted);
    return out;
}

}  // namespace osb::system
