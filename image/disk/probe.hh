// What is on a disk already.
#pragma once

#include <cstdint>
#include <string>

#include "image/disk/uuid.hh"

namespace osb::image {

// In words, escaped: "a filesystem (ext4) labelled 'data'", "a partition table (gpt)", or "data of an unknown
// kind" when nothing is recognised and its first MiB is not empty; "" when it is. `fd` is borrowed.
std::string describe_content(int fd, bool whole_file);

// What a partition was written to be.
struct ExpectedFilesystem {
    std::string label;
    Uuid uuid{};
};

// Throws Error{io} unless the range of `fd` (in bytes) is an ext4 filesystem of that label and UUID to all
// who look for root by them: libblkid, and BusyBox's findfs, which asks for other signatures first. It names
// `name` and what was found instead. `fd` is borrowed. Changes nothing.
void check_filesystem(int fd, std::uint64_t offset, std::uint64_t size, const ExpectedFilesystem& expected,
                      const std::string& name);

// Who uses the block device behind `fd`, or a part of it: "mounted on '/mnt'", "in use"; "" for nobody that
// can be seen from here.
std::string describe_mounts(int fd);

// The loop device that a file or a block device is attached to, which Linux does not count as use of it:
// "/dev/loop3"; "" for none.
std::string attached_loop_device(int fd);

}  // namespace osb::image
