#include "system/disk_space.hh"

#include <sys/statvfs.h>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::system {

std::uint64_t free_bytes(const std::string& path) {
    struct statvfs info {};
    if (::statvfs(path.c_str(), &info) != 0) {
        throw_errno(concat("cannot read the free space of ", quoted(path)));
    }
    return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

std::string in_mib(std::uint64_t bytes) {
    constexpr std::uint64_t kMiB = 1024UL * 1024;
    return concat((bytes + kMiB - 1) / kMiB, " MiB");
}

}  // namespace osb::system
