// The target of an installation: a disk image file or a block device. It is opened once. Afterwards its path
// is only used to give a finished file its name.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/fd.hh"
#include "image/disk/disk_area.hh"

namespace osb::image {

class DiskTarget {
  public:
    // Inspects `path` and rejects a target that must not be written to. Changes nothing. `wipe` permits the
    // loss of data on the target. Throws Error{usage} for a target that is neither a disk nor a file, and
    // Error{invalid} with advice for a target that is in use or holds data.
    DiskTarget(std::string path, bool wipe);
    DiskTarget(const DiskTarget&) = delete;
    DiskTarget& operator=(const DiskTarget&) = delete;
    // Leaves nothing of a file that was not published.
    ~DiskTarget();

    bool is_device() const noexcept { return is_device_; }
    // The size in bytes of a device, or of an existing file that is not empty; nothing otherwise.
    std::optional<std::uint64_t> fixed_size() const noexcept { return fixed_size_; }
    // The directory of the file; "" for a device.
    const std::string& directory() const noexcept { return directory_; }

    // Starts the write. For a file, creates a file of `size` bytes that has no name yet; about `needed` bytes
    // of it will take space. For a device, clears its partition tables first. Throws Error{no_space} if the
    // file cannot fit.
    void begin(std::uint64_t size, std::uint64_t needed);
    int fd() const noexcept { return fd_.get(); }
    DiskArea area() const;
    // create_unnamed() creates a second unnamed file beside the first. replace() exchanges the first for it.
    // Not for devices.
    Fd create_unnamed();
    void replace(Fd file);

    // Flushes all written data to the disk.
    void sync() const;
    // Gives the file its name, replacing an existing file, or makes the kernel read the device's new
    // partitions. Call sync() first. Throws Error{invalid} if the inspected file was replaced or written to
    // meanwhile and data must not be lost.
    void publish();

    // Returns the state of the target, as a sentence for the end of an error message.
    std::string state() const;

  private:
    void inspect_device();
    void inspect_file();
    void check_space(std::uint64_t needed) const;
    void check_unchanged() const;
    bool link_new_name();
    void replace_name();

    std::string path_;
    std::string directory_;
    std::string name_;       // in directory_
    std::string temporary_;  // a name in directory_ that the destructor removes
    bool is_device_ = false;
    bool exists_ = false;
    bool wipe_ = false;
    bool begun_ = false;
    bool published_ = false;
    std::optional<std::uint64_t> fixed_size_;
    std::uint64_t size_ = 0;
    mode_t mode_ = 0644;
    struct stat inspected_ {};  // of an existing file
    Fd directory_fd_;
    Fd fd_;
};

}  // namespace osb::image
