#include "system/extension/usr_overlay.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "system/extension/extension_files.hh"
#include "system/extension/extension_record.hh"

namespace osb::system {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLocalState = "/var/lib/osb";
// Not below /run: changes may be large, and a tmpfs would keep them in memory.
constexpr const char* kChanges = "/var/lib/osb/usr-overlay";

// libostree reads the state from these files (ostree-sysroot-private.h, "runstate").
std::string mark_directory(const ostree::DeploymentId& id) {
    return concat("/run/ostree/deployment-state/", id.commit, '.', std::to_string(id.serial));
}

bool is_usr_writable(const ostree::Deployment& deployment) {
    return deployment.usr == ostree::UsrState::development || deployment.usr == ostree::UsrState::hotfix;
}

// The extensions on /usr, the uppermost first.
std::vector<std::string> merged_directories(const ostree::Sysroot& sysroot) {
    std::vector<std::string> out;
    for (const MergedExtension& one : read_merged()) out.push_back(extension_directory(sysroot, one.commit));
    std::reverse(out.begin(), out.end());
    return out;
}

void make_directory(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) != 0 || ::chmod(path.c_str(), mode) != 0)
        throw_errno(concat("cannot make ", path));
}

// The upper directory gives the mount its owner and mode.
void prepare_changes() {
    std::error_code error;
    fs::remove_all(kChanges, error);
    if (error) throw errno_error(error.value(), concat("cannot remove ", kChanges));
    struct stat usr {};
    if (::stat("/usr", &usr) != 0) throw_errno("cannot read /usr");
    static_cast<void>(open_state_directory("/var/lib"));
    static_cast<void>(open_state_directory(kLocalState));
    make_directory(kChanges, 0700);
    make_directory(concat(kChanges, "/work"), 0700);
    make_directory(concat(kChanges, "/upper"), usr.st_mode & 07777U);
}

// Programs that watch the deployments see the change by this time.
void mark_unlocked(const ostree::Sysroot& sysroot, const ostree::Deployment& booted) {
    const std::string directory = mark_directory(booted.id);
    fs::create_directories(directory);
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
    for (const std::string& below : mounts_below(read_mountinfo(), "/usr"))
        log_warning(concat("the overlay hides the mount on ", below));
    prepare_changes();
    mount_on_usr(
        where,
        {.source = kUsrOverlaySource, .layers = merged_directories(sysroot), .writable_directory = kChanges},
        false);
    mark_unlocked(sysroot, booted);
    return true;
}

void remove_old_usr_changes() {
    const std::vector<MountPoint> mounts = mounts_on(read_mountinfo(), "/usr");
    for (const MountPoint& mount : mounts) {
        if (mount.source == kUsrOverlaySource) return;
    }
    std::error_code error;
    fs::remove_all(kChanges, error);
    if (error) log_warning(concat("cannot remove ", kChanges, ": ", error.message()));
}

}  // namespace osb::system
