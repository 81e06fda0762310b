// Where a system is installed: a disk image file, or a block device. It is opened once, and nothing is done
// to it by its name afterwards but giving a finished file that name.
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
    // Looks at `path` and refuses what must not be written to; changes nothing. `wipe`: data on it may go.
    // Throws Error: usage for what is no disk and no file, invalid with advice for one that is in use or
    // holds data.
    DiskTarget(std::string path, bool wipe);
    DiskTarget(const DiskTarget&) = delete;
    DiskTarget& operator=(const DiskTarget&) = delete;
    // Of a file that was not published nothing stays.
    ~DiskTarget();

    bool is_device() const noexcept { return is_device_; }
    // Of a device, and of a file that is there already and not empty; nothing otherwise. In bytes.
    std::optional<std::uint64_t> fixed_size() const noexcept { return fixed_size_; }
    // The directory in which a file will be; "" for a device.
    const std::string& directory() const noexcept { return directory_; }

    // Begins to write: a file of `size` bytes that has no name yet, of which about `needed` will take space;
    // or the device, whose partition tables go first. Throws Error{no_space} when the file cannot fit.
    void begin(std::uint64_t size, std::uint64_t needed);
    int fd() const noexcept { return fd_.get(); }
    DiskArea area() const;
    // Another file without a name beside the first, and the first exchanged for it. Not for devices.
    Fd create_unnamed();
    void replace(Fd file);

    // Everything that was written is on the disk.
    void sync() const;
    // Gives the file its name, in place of what had it; or has the kernel look at the device's new
    // partitions. Not before sync(). Throws Error{invalid} when the file that was looked at is another one
    // by now, or has been written to, and data must not go.
    void publish();

    // In which state it is: a sentence for an error's end.
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
    std::string temporary_;  // a name in directory_ that is to be removed
    bool is_device_ = false;
    bool exists_ = false;
    bool wipe_ = false;
    bool begun_ = false;
    bool published_ = false;
    std::optional<std::uint64_t> fixed_size_;
    std::uint64_t size_ = 0;
    mode_t mode_ = 0644;
    struct stat inspected_ {};  // of a file that exists
    Fd directory_fd_;
    Fd fd_;
};

}  // namespace osb::image
