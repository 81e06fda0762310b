#include "base/read_only_mounts.hh"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"

namespace osb {
namespace {

bool set_attributes(int directory, const char* path, unsigned flags, const mount_attr& attributes) {
    return ::syscall(SYS_mount_setattr, directory, path, flags, &attributes, sizeof attributes) == 0;
}

// Resolved, so that moving the copy follows no link.
std::string real_path(const std::string& path) {
    const std::unique_ptr<char, decltype(&std::free)> out(::realpath(path.c_str(), nullptr), &std::free);
    return out ? out.get() : "";
}

struct Copy {
    std::string path;
    Fd tree;
};

// nullopt if one cannot be copied.
std::optional<std::vector<Copy>> copy_mounts(const std::vector<std::string>& paths) {
    std::vector<Copy> out;
    for (const std::string& path : paths) {
        std::string real = real_path(path);
        if (real.empty()) continue;
        Fd tree(static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, real.c_str(),
                                           OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
        if (!tree) return std::nullopt;
        out.push_back({.path = std::move(real), .tree = std::move(tree)});
    }
    return out;
}

// True if an unmount on the machine reaches the copies of the mounts in a slave namespace (proc(5),
// /proc/PID/mountinfo): it does if the mount below is shared. Otherwise the filesystem would stay mounted
// there until the end of the run, unseen: not written out, and its device in use.
bool unmounts_arrive() {
    struct Mount {
        std::string parent;
        bool is_shared = false;
    };
    std::map<std::string, Mount> mounts;
    std::ifstream file("/proc/self/mountinfo");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string id;
        Mount mount;
        words >> id >> mount.parent;
        for (std::string word; words >> word && word != "-";) mount.is_shared |= word.starts_with("shared:");
        mounts.insert_or_assign(id, mount);
    }
    return !mounts.empty() && std::all_of(mounts.begin(), mounts.end(), [&](const auto& one) {
        const auto parent = mounts.find(one.second.parent);
        return parent == mounts.end() || parent == mounts.find(one.first) || parent->second.is_shared;
    });
}

}  // namespace

bool make_mounts_read_only(const std::vector<std::string>& writable) {
    // Probes the call without an effect: there is no such descriptor.
    const mount_attr read_only{
        .attr_set = MOUNT_ATTR_RDONLY, .attr_clr = 0, .propagation = 0, .userns_fd = 0};
    if (set_attributes(-1, "", AT_EMPTY_PATH, read_only) || errno != EBADF) return false;
    if (!unmounts_arrive()) return false;
    // A mount on "/" would not be seen by this process, whose root is what lies below.
    for (const std::string& path : writable) {
        if (real_path(path) == "/") return false;
    }
    const std::string here = real_path(".");
    if (::unshare(CLONE_NEWNS) != 0) return false;
    // The namespace is a copy, and nothing is different in it yet. The root of a chroot is no mount.
    const mount_attr slaves{.attr_set = 0, .attr_clr = 0, .propagation = MS_SLAVE, .userns_fd = 0};
    if (!set_attributes(AT_FDCWD, "/", AT_RECURSIVE, slaves)) return false;
    const std::optional<std::vector<Copy>> copies = copy_mounts(writable);
    if (!copies || !set_attributes(AT_FDCWD, "/", AT_RECURSIVE, read_only)) return false;
    for (const Copy& copy : *copies) {
        if (::syscall(SYS_move_mount, copy.tree.get(), "", AT_FDCWD, copy.path.c_str(),
                      MOVE_MOUNT_F_EMPTY_PATH) != 0)
            throw_errno(concat("cannot mount ", quoted(copy.path)));
    }
    // The present directory is still that of the old view.
    if (::chdir(here.empty() ? "/" : here.c_str()) != 0) throw_errno(concat("cannot enter ", quoted(here)));
    return true;
}

}  // namespace osb
