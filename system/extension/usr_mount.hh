// The mounts on /usr of the running system: overlays of directories over the /usr of the deployment.
//
// An overlay is prepared in a mount namespace of a child process and appears on /usr as a whole. So nothing
// changes if it cannot be made. The child, not this process, changes namespaces, because a process with
// threads cannot.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hh"

namespace osb::system {

// The sources of our overlays in /proc/self/mountinfo.
inline constexpr std::string_view kExtensionsSource = "osb-extensions";
inline constexpr std::string_view kUsrOverlaySource = "osb-usr-overlay";

// The most directories of an overlay. Their names are numbers of file descriptors, so the options of the
// mount stay far below the kernel's limit of one page (4096 bytes).
inline constexpr std::size_t kMaxUsrLayers = 64;

// A mount in /proc/self/mountinfo.
struct MountPoint {
    std::string target;
    std::string type;
    std::string source;
};

// Parses mountinfo (proc_pid_mountinfo(5)) and returns the mounts on `target`, the visible one last.
// Malformed lines are skipped.
std::vector<MountPoint> mounts_on(std::string_view mountinfo, std::string_view target);

// Returns the mount points below `target`, without `target` itself.
std::vector<std::string> mounts_below(std::string_view mountinfo, std::string_view target);

// The mounts of this process.
std::string read_mountinfo();

// The number of our overlays on top of the others in this list.
std::size_t count_own_overlays(const std::vector<MountPoint>& mounts);

// The mount namespace and root directory of a process. Capture it before the sysroot is opened for changes,
// which enters another namespace (Sysroot::open_locked()).
class MountNamespace {
  public:
    // Those of this process, now. Throws Error{io}.
    static MountNamespace current();

    int fd() const noexcept { return namespace_.get(); }
    int root() const noexcept { return root_.get(); }

  private:
    MountNamespace(Fd space, Fd root) : namespace_(std::move(space)), root_(std::move(root)) {}
    Fd namespace_;
    Fd root_;
};

// An overlay over the /usr of the deployment.
struct UsrOverlay {
    std::string_view source;          // kExtensionsSource or kUsrOverlaySource
    std::vector<std::string> layers;  // directories over /usr, the uppermost first; at most kMaxUsrLayers
    // Directory on a writable filesystem with the empty directories "upper" and "work"; "": a read-only
    // overlay.
    std::string writable_directory;
};

// Returns the options of the overlay for mount(2). The child opens the directories as descriptors from
// kFirstLayerFd on: the layers, then /usr, then the writable directory.
inline constexpr int kFirstLayerFd = 100;
std::string overlay_options(const UsrOverlay& overlay);

// Mounts the overlay on /usr in `where`. `replaces_old`: takes the overlay that is visible there off. A
// writable overlay leaves the others below it. Throws Error{io} with the failed step; /usr is as before then,
// except that before Linux 6.5 the old overlay may be gone. Throws Error{too_large} for more than
// kMaxUsrLayers. Needs root and Linux 5.2.
void mount_on_usr(const MountNamespace& where, const UsrOverlay& overlay, bool replaces_old);

// Takes the visible overlay off /usr in `where`. Processes that use its files can go on. Throws Error{io}.
void unmount_usr(const MountNamespace& where);

}  // namespace osb::system
