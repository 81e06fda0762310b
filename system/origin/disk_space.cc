#include "system/origin/disk_space.hh"

#include "base/bytes.hh"
#include "image/disk/byte_size.hh"

namespace osb::system {

std::string in_mib(std::uint64_t bytes) {
    return concat((bytes + image::kMebibyte - 1) / image::kMebibyte, " MiB");
}

}  // namespace osb::system
