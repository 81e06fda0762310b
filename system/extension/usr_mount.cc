#include "system/extension/usr_mount.hh"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::system {
namespace {

// musl has neither the functions nor the constants of the mount API of Linux 5.2.
constexpr long kOpenTree = 428;
constexpr long kMoveMount = 429;
constexpr unsigned kOpenTreeClone = 1;
constexpr unsigned kOpenTreeCloexec = O_CLOEXEC;
constexpr unsigned kMoveEmptyPath = 4;
constexpr unsigned kMoveBeneath = 0x200;  // Linux 6.5

constexpr const char* kUsr = "/usr";

// The steps of the child, which it reports if they fail.
enum class MountStep : int {
    none,
    make_namespace,
    uncover,
    open_layer,
    mount,
    clone,
    enter_namespace,
    unmount,
    attach,
};

const char* describe_step(MountStep step) {
    switch (step) {
        case MountStep::make_namespace:
            return "cannot make a mount namespace";
        case MountStep::uncover:
            return "cannot uncover /usr of the deployment";
        case MountStep::open_layer:
            return "cannot open a directory of the overlay";
        case MountStep::mount:
            return "cannot mount an overlay (overlayfs)";
        case MountStep::clone:
            return "cannot take the overlay out of its namespace (Linux 5.2 or newer is required)";
        case MountStep::enter_namespace:
            return "cannot return to the mount namespace of the system";
        case MountStep::unmount:
            return "cannot take the old overlay off /usr";
        case MountStep::attach:
            return "cannot attach the overlay to /usr";
        case MountStep::none:
            break;
    }
    return "the child process that mounts ended early";
}

struct MountFailure {
    MountStep step = MountStep::none;
    int error = 0;
};

// Everything that the child needs. It must not allocate memory, because it is forked from a process that may
// have threads.
struct ChildWork {
    int space = -1;
    int root = -1;
    bool mounts = false;    // an overlay
    bool unmounts = false;  // the visible overlay of the namespace
    bool is_writable = false;
    std::size_t covers = 0;  // our overlays on /usr
    const char* source = "";
    const char* options = "";
    std::array<const char*, kMaxUsrLayers> layers{};
    std::size_t layer_count = 0;
    const char* writable_directory = nullptr;
};

// Opens a directory under a descriptor that the options name.
bool open_as(const char* path, int number) noexcept {
    const int fd = ::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    if (fd == number) return true;
    const bool ok = ::dup3(fd, number, O_CLOEXEC) >= 0;
    ::close(fd);
    return ok;
}

bool open_layers(const ChildWork& work) noexcept {
    int number = kFirstLayerFd;
    for (std::size_t i = 0; i < work.layer_count; ++i) {
        if (!open_as(work.layers[i], number++)) return false;
    }
    if (!open_as(kUsr, number++)) return false;
    return work.writable_directory == nullptr || open_as(work.writable_directory, number);
}

// Makes the overlay in a new namespace, in which nothing of ours covers /usr. Overlays can be stacked only
// twice, and the deployment's own root may be one (composefs). Returns a descriptor of the overlay.
MountStep make_overlay(const ChildWork& work, int& overlay) noexcept {
    if (::unshare(CLONE_NEWNS) != 0) return MountStep::make_namespace;
    // Nothing may reach the mounts of the system from here. (EINVAL: in a chroot, "/" is not a mount point.)
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 && errno != EINVAL)
        return MountStep::make_namespace;
    for (std::size_t i = 0; i < work.covers; ++i) {
        if (::umount2(kUsr, MNT_DETACH) != 0) return MountStep::uncover;
    }
    if (!open_layers(work)) return MountStep::open_layer;
    const unsigned long flags = work.is_writable ? 0 : MS_RDONLY;
    if (::chdir("/proc/self/fd") != 0 || ::mount(work.source, kUsr, "overlay", flags, work.options) != 0) {
        return MountStep::mount;
    }
    overlay = static_cast<int>(::syscall(kOpenTree, AT_FDCWD, kUsr, kOpenTreeClone | kOpenTreeCloexec));
    return overlay < 0 ? MountStep::clone : MountStep::none;
}

bool move_to_usr(int overlay, unsigned flags) noexcept {
    return ::syscall(kMoveMount, overlay, "", AT_FDCWD, kUsr, kMoveEmptyPath | flags) == 0;
}

// Below the old overlay, the new one takes its place without a gap. Older kernels cannot do that.
MountStep attach(const ChildWork& work, int overlay) noexcept {
    if (!work.unmounts) return move_to_usr(overlay, 0) ? MountStep::none : MountStep::attach;
    if (move_to_usr(overlay, kMoveBeneath)) {
        return ::umount2(kUsr, MNT_DETACH) == 0 ? MountStep::none : MountStep::unmount;
    }
    if (::umount2(kUsr, MNT_DETACH) != 0) return MountStep::unmount;
    return move_to_usr(overlay, 0) ? MountStep::none : MountStep::attach;
}

MountStep run_child(const ChildWork& work) noexcept {
    int overlay = -1;
    if (work.mounts) {
        const MountStep step = make_overlay(work, overlay);
        if (step != MountStep::none) return step;
    }
    if (::setns(work.space, CLONE_NEWNS) != 0 || ::fchdir(work.root) != 0 || ::chroot(".") != 0)
        return MountStep::enter_namespace;
    if (work.mounts) return attach(work, overlay);
    return ::umount2(kUsr, MNT_DETACH) == 0 ? MountStep::none : MountStep::unmount;
}

void run_in_child(const ChildWork& work) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno("cannot make a pipe");
    const Fd reader(ends[0]);
    Fd writer(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) throw_errno("cannot start a process");
    if (child == 0) {
        errno = 0;
        MountFailure result{.step = run_child(work), .error = errno};
        if (result.step == MountStep::none) result.error = 0;
        const bool told = ::write(writer.get(), &result, sizeof result) == sizeof result;
        ::_exit(told ? 0 : 1);
    }
    writer.close();
    MountFailure result{.step = MountStep::none, .error = EIO};
    ssize_t got = 0;
    while ((got = ::read(reader.get(), &result, sizeof result)) < 0 && errno == EINTR) continue;
    if (got != sizeof result) result = {.step = MountStep::none, .error = EIO};
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) continue;
    if (result.step == MountStep::none && result.error == 0) return;
    throw errno_error(result.error, describe_step(result.step));
}

// The next field of a line of mountinfo; removes it from `line`.
std::string_view take_field(std::string_view& line) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view out = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return out;
}

// The kernel writes blanks, tabs, line feeds and backslashes as \ooo.
std::string unescape_octal(std::string_view text) {
    const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_escape = text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) &&
                               is_octal(text[i + 2]) && is_octal(text[i + 3]);
        if (!is_escape) {
            out += text[i];
            continue;
        }
        out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
        i += 3;
    }
    return out;
}

std::vector<MountPoint> parse_mountinfo(std::string_view text) {
    std::vector<MountPoint> out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t separator = line.find(" - ");
        if (separator == std::string_view::npos) continue;
        std::string_view after = line.substr(separator + 3);
        for (int i = 0; i < 4; ++i) take_field(line);
        const std::string_view target = take_field(line);
        const std::string_view type = take_field(after);
        const std::string_view source = take_field(after);
        if (!target.starts_with('/') || type.empty()) continue;
        out.push_back(
            {.target = unescape_octal(target), .type = std::string(type), .source = unescape_octal(source)});
    }
    return out;
}

}  // namespace

std::vector<MountPoint> mounts_on(std::string_view mountinfo, std::string_view target) {
    std::vector<MountPoint> out = parse_mountinfo(mountinfo);
    std::erase_if(out, [&](const MountPoint& mount) { return mount.target != target; });
    return out;
}

std::vector<std::string> mounts_below(std::string_view mountinfo, std::string_view target) {
    std::vector<std::string> out;
    for (MountPoint& mount : parse_mountinfo(mountinfo)) {
        if (mount.target.starts_with(concat(target, '/'))) out.push_back(std::move(mount.target));
    }
    return out;
}

std::string read_mountinfo() {
    constexpr std::size_t kMaxMountinfo = 16UL * 1024 * 1024;
    FdSource source(open_at(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY), "/proc/self/mountinfo");
    return read_all(source, kMaxMountinfo, "/proc/self/mountinfo");
}

std::size_t count_own_overlays(const std::vector<MountPoint>& mounts) {
    std::size_t out = 0;
    for (auto mount = mounts.rbegin(); mount != mounts.rend(); ++mount, ++out) {
        const bool is_ours = mount->type == "overlay" &&
                             (mount->source == kExtensionsSource || mount->source == kUsrOverlaySource);
        if (!is_ours) break;
    }
    return out;
}

MountNamespace MountNamespace::current() {
    return {open_at(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY), open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY)};
}

std::string overlay_options(const UsrOverlay& overlay) {
    int number = kFirstLayerFd;
    std::string out = "lowerdir=";
    for (std::size_t i = 0; i < overlay.layers.size(); ++i) out += concat(number++, ':');
    out += concat(number++);
    if (!overlay.writable_directory.empty())
        out += concat(",upperdir=", number, "/upper,workdir=", number, "/work");
    return out;
}

void mount_on_usr(const MountNamespace& where, const UsrOverlay& overlay, bool replaces_old) {
    if (overlay.layers.size() > kMaxUsrLayers)
        throw Error(ErrorKind::too_large, concat("more than ", kMaxUsrLayers, " directories over /usr"));
    const std::string source(overlay.source);
    const std::string options = overlay_options(overlay);
    ChildWork work{.space = where.fd(),
                   .root = where.root(),
                   .mounts = true,
                   .unmounts = replaces_old,
                   .is_writable = !overlay.writable_directory.empty(),
                   .covers = count_own_overlays(mounts_on(read_mountinfo(), kUsr)),
                   .source = source.c_str(),
                   .options = options.c_str(),
                   .layers = {},
                   .layer_count = overlay.layers.size()};
    for (std::size_t i = 0; i < overlay.layers.size(); ++i) work.layers[i] = overlay.layers[i].c_str();
    if (work.is_writable) work.writable_directory = overlay.writable_directory.c_str();
    run_in_child(work);
}

void unmount_usr(const MountNamespace& where) {
    ChildWork work{.space = where.fd(), .root = where.root()};
    work.unmounts = true;
    run_in_child(work);
}

}  // namespace osb::system
