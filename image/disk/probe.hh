// Inspects the present content and use of a disk.
#pragma once

#include <cstdint>
#include <string>

#include "image/disk/uuid.hh"

namespace osb::image {

// Returns the content of the disk as escaped text for messages: "a filesystem (ext4) labelled 'data'", "a
// partition table (gpt)", or "data of an unknown kind" if nothing is recognised and the first MiB is not
// empty. Returns "" if it is empty. `fd` is borrowed.
std::string describe_content(int fd, bool whole_file);

// The label and UUID of a partition as it was written.
struct ExpectedFilesystem {
    std::string label;
    Uuid uuid{};
};

// Checks that the range of `fd` (in bytes) is an ext4 filesystem of that label and UUID for both programs
// that look up the root by them: libblkid, and BusyBox's findfs, which checks for other signatures first.
// Throws Error{io} if not, with `name` and the content that was found. `fd` is borrowed. Changes nothing.
void check_filesystem(int fd, std::uint64_t offset, std::uint64_t size, const ExpectedFilesystem& expected,
                      const std::string& name);

// Returns the use of the block device behind `fd`, or of a part of it: "mounted on '/mnt'" or "in use".
// Returns "" if this process can see no use.
std::string describe_mounts(int fd);

// Returns the loop device that a file or block device is attached to, "/dev/loop3", or "" if there is none.
// Linux does not count a loop device as use.
std::string attached_loop_device(int fd);

}  // namespace osb::image
