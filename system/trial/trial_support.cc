#include "system/trial/trial_support.hh"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "base/bytes.hh"
#include "base/error.hh"
#include "image/boot/boot_menu.hh"
#include "system/trial/boot_once.hh"

namespace osb::system {
namespace {

namespace fs = std::filesystem;
using ostree::Deployment;
using ostree::Sysroot;

// Does not follow links, because the links of a system that does not run point outside of its tree.
bool entry_exists(const fs::path& path) {
    std::error_code error;
    return fs::exists(fs::symlink_status(path, error));
}

fs::path root_of(const Sysroot& sysroot, const Deployment& deployment) {
    return sysroot.path_of(deployment.id.path());
}

bool has_program(const fs::path& root) {
    return entry_exists(root / "usr/bin/osb-oci");
}

// `etc` is "etc", or "usr/etc" for the files as the image has them.
bool has_service(const fs::path& root, const char* etc) {
    std::error_code error;
    for (fs::directory_iterator level(root / etc / "runlevels", error), end; !error && level != end;
         level.increment(error)) {
        if (entry_exists(level->path() / "osb-boot-check")) return true;
    }
    return false;
}

bool has_path(const ostree::CommitWalk& commit, const auto& matches) {
    return std::any_of(commit.files.begin(), commit.files.end(), [&](const ostree::WalkedFile& file) {
        return std::any_of(file.paths.begin(), file.paths.end(), matches);
    });
}

bool has_program(const ostree::CommitWalk& commit) {
    return has_path(commit, [](std::string_view path) { return path == "usr/bin/osb-oci"; });
}

bool has_service(const ostree::CommitWalk& commit) {
    return has_path(commit, [](std::string_view path) {
        return path.starts_with("usr/etc/runlevels/") && path.ends_with("/osb-boot-check");
    });
}

}  // namespace

TrialSupport trial_support(const Sysroot& sysroot) {
    const image::MenuOwner owner = image::menu_owner(sysroot.boot());
    if (owner != image::MenuOwner::ours) {
        return {.reason = owner == image::MenuOwner::other
                              ? "the bootloader's menu does not include osb-oci's entries"
                              : "the bootloader's menu cannot be read",
                .is_broken = owner == image::MenuOwner::unknown};
    }
    try {
        static_cast<void>(read_boot_once(sysroot.boot()));
    } catch (const Error& error) {
        return {.reason = concat("the bootloader does not support trials: ", error.message()),
                .is_broken = error.kind() != ErrorKind::not_found};
    }
    if (sysroot.deployments().empty()) return {.supported = true, .reason = {}};
    const fs::path root = root_of(sysroot, sysroot.booted().value_or(sysroot.deployments().front()));
    if (!has_program(root) && !has_service(root, "usr/etc")) {
        return {.supported = false,
                .reason = "the present system has neither osb-oci nor the service osb-boot-check"};
    }
    return {.supported = true, .reason = {}};
}

bool can_end_trial(const Sysroot& sysroot, const Deployment& deployment) {
    const fs::path root = root_of(sysroot, deployment);
    return has_program(root) && has_service(root, "etc");
}

void check_can_end_trial(const Sysroot& sysroot, const ostree::CommitWalk& commit,
                         const Deployment& current) {
    const auto refuse = [](const char* why, const char* advice) {
        return Error(ErrorKind::refused, concat("the new system cannot be tried: ", why))
            .code("cannot_be_tried")
            .hint(advice);
    };
    if (!has_program(commit)) {
        throw refuse("it has no /usr/bin/osb-oci, which would end its trial",
                     "install osb-oci in the image as /usr/bin/osb-oci (/usr/local is the machine's)");
    }
    const fs::path root = root_of(sysroot, current);
    const bool is_in_image_here = has_service(root, "usr/etc");
    const bool is_enabled_here = has_service(root, "etc");
    if (has_service(commit) && is_in_image_here && !is_enabled_here) {
        throw refuse("this machine has removed the service osb-boot-check from its runlevels",
                     "run 'rc-update add osb-boot-check default', then repeat");
    }
    const bool is_added_here = is_enabled_here && !is_in_image_here;
    if (!has_service(commit) && !is_added_here) {
        throw refuse("none of its runlevels has the service osb-boot-check",
                     "add it in the image: 'rc-update add osb-boot-check default'");
    }
}

}  // namespace osb::system
