#include "system/origin/disk_space.hh"

#include <sys/statvfs.h>

#include <limits>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "image/disk/byte_size.hh"

namespace osb::system {

namespace {

struct statvfs look_at(const std::string& path) {
    struct statvfs info {};
    if (::statvfs(path.c_str(), &info) != 0) {
        throw_errno(concat("cannot read the free space of ", quoted(path)));
    }
    return info;
}

}  // namespace

std::uint64_t free_bytes(const std::string& path) {
    const struct statvfs info = look_at(path);
    return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

std::uint64_t free_inodes(const std::string& path) {
    const struct statvfs info = look_at(path);
    constexpr std::uint64_t kUnbounded = std::numeric_limits<std::uint64_t>::max() / 2;
    // btrfs makes inodes as they are needed, and says that there are none.
    return info.f_files == 0 ? kUnbounded : static_cast<std::uint64_t>(info.f_favail);
}

std::string in_mib(std::uint64_t bytes) {
    return concat((bytes + image::kMebibyte - 1) / image::kMebibyte, " MiB");
}

}  // namespace osb::system
