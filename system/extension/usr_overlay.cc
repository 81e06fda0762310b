#include "system/extension/usr_overlay.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "ostree/sysroot/remove_tree.hh"
#include "system/extension/extension_files.hh"
#include "system/extension/extension_record.hh"

namespace osb::system {
namespace {

constexpr const char* kLocalState = "/var/lib/osb";
// Not below /run: changes may be large, and a tmpfs would keep them in memory.
constexpr const char* kChangesName = "usr-overlay";
constexpr const char* kChanges = "/var/lib/osb/usr-overlay";

// libostree reads the state from these files (ostree-sysroot-private.h, "runstate").
std::string mark_directory(const ostree::DeploymentId& id) {
    return concat("/run/ostree/deployment-state/", id.commit, '.', std::to_string(id.serial));
}

bool is_usr_writable(const ostree::Deployment& deployment) {
    return deployment.usr == ostree::UsrState::development || deployment.usr == ostree::UsrState::hotfix;
}

bool is_overlay_mounted(std::string_view mountinfo) {
    const std::vector<MountPoint> mounts = mounts_on(mountinfo, "/usr");
    return std::any_of(mounts.begin(), mounts.end(),
                       [](const MountPoint& mount) { return mount.source == kUsrOverlaySource; });
}

// The extensions on /usr, the uppermost first.
std::vector<std::string> merged_directories(const ostree::Sysroot& sysroot, std::string_view mountinfo) {
    std::vector<std::string> out;
    for (const MergedExtension& one : read_merged(mountinfo))
        out.push_back(extension_directory(sysroot, one.commit));
    std::reverse(out.begin(), out.end());
    return out;
}

void make_directory(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) != 0 || ::chmod(path.c_str(), mode) != 0)
        throw_errno(concat("cannot make ", path));
}

// The upper directory gives the mount its owner and mode.
void prepare_changes() {
    struct stat usr {};
    if (::stat("/usr", &usr) != 0) throw_errno("cannot read /usr");
    static_cast<void>(open_state_directory("/var/lib"));
    const Fd state = open_state_directory(kLocalState);
    ostree::remove_tree(state.get(), kChangesName);
    make_directory(kChanges, 0700);
    make_directory(concat(kChanges, "/work"), 0700);
    make_directory(concat(kChanges, "/upper"), usr.st_mode & 07777U);
}

// Programs that watch the deployments see the change by this time.
void mark_unlocked(const ostree::Sysroot& sysroot, const ostree::Deployment& booted) {
    const std::string directory = mark_directory(booted.id);
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) throw errno_error(error.value(), concat("cannot make ", directory));
    static_cast<void>(
        open_at(AT_FDCWD, concat(directory, "/unlocked-development"), O_WRONLY | O_CREAT, 0644));
    if (::utimensat(AT_FDCWD, sysroot.path_of("ostree/deploy").c_str(), nullptr, 0) != 0)
        log_debug("the time of the directory of the deployments stays as it is");
}

}  // namespace

ostree::Deployment require_booted(const ostree::Sysroot& sysroot) {
    if (auto booted = sysroot.booted()) return *booted;
    throw Error(ErrorKind::refused, "this system was not started from one of its deployments")
        .code("not_booted");
}

bool make_usr_writable(const ostree::Sysroot& sysroot, const MountNamespace& where) {
    const ostree::Deployment booted = require_booted(sysroot);
    if (is_usr_writable(booted)) return false;
    if (booted.usr == ostree::UsrState::transient) {
        throw Error(ErrorKind::refused, "/usr was unlocked with 'ostree admin unlock --transient'")
            .code("unlocked")
            .hint("make it writable in a mount namespace of its own, or restart first");
    }
    const std::string mountinfo = read_mountinfo();
    if (is_overlay_mounted(mountinfo)) {
        // An earlier run ended before it wrote the mark. The directory is in use.
        mark_unlocked(sysroot, booted);
        return false;
    }
    for (const std::string& below : mounts_below(mountinfo, "/usr"))
        log_warning(concat("the overlay hides the mount on ", below));
    prepare_changes();
    mount_on_usr(where,
                 {.source = kUsrOverlaySource,
                  .layers = merged_directories(sysroot, mountinfo),
                  .writable_directory = kChanges},
                 false);
    mark_unlocked(sysroot, booted);
    return true;
}

void remove_old_usr_changes() {
    try {
        if (is_overlay_mounted(read_mountinfo())) return;
        const Fd state = open_at(AT_FDCWD, kLocalState, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        ostree::remove_tree(state.get(), kChangesName);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::not_found)
            log_warning(concat("cannot remove ", kChanges, ": ", error.message()));
    }
}

}  // namespace osb::system
