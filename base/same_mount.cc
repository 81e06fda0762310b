#include "base/same_mount.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb {
namespace {

// struct open_how of linux/openat2.h, which older headers lack.
struct OpenHow {
    std::uint64_t flags = 0;
    std::uint64_t mode = 0;
    std::uint64_t resolve = 0;
};
constexpr std::uint64_t kNoXdev = 0x01;
constexpr std::uint64_t kNoSymlinks = 0x04;
constexpr long kOpenat2 = 437;  // on every architecture

std::optional<Fd> open_on_device(int directory, const std::string& name, int flags) {
    Fd out = open_at(directory, name, flags | O_NOFOLLOW);
    struct stat above {};
    struct stat here {};
    if (::fstat(directory, &above) != 0 || ::fstat(out.get(), &here) != 0)
        throw_errno(concat("cannot read ", quoted(name)));
    if (above.st_dev != here.st_dev) return std::nullopt;
    return out;
}

}  // namespace

std::optional<Fd> open_same_mount(int directory, const std::string& name, int flags) {
    // O_NOFOLLOW, not RESOLVE_NO_SYMLINKS, decides about `name` itself: O_PATH opens the link.
    const bool opens_link = (flags & O_PATH) != 0;
    OpenHow how{.flags = static_cast<std::uint64_t>(flags | O_NOFOLLOW | O_CLOEXEC),
                .resolve = kNoXdev | (opens_link ? 0 : kNoSymlinks)};
    Fd out(static_cast<int>(::syscall(kOpenat2, directory, name.c_str(), &how, sizeof(how))));
    if (out) return out;
    if (errno == EXDEV) return std::nullopt;
    // A sandbox may refuse system calls that it does not know with EPERM.
    if (errno == ENOSYS || errno == EPERM) return open_on_device(directory, name, flags);
    throw_errno(concat("cannot open ", quoted(name)));
}

}  // namespace osb
