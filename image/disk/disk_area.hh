// A range of a disk or of a disk image file.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.hh"

namespace osb::image {

// Borrows the file descriptor, which must outlive this object. Thread-safe.
class DiskArea {
  public:
    // The range is [offset, offset + size) of `fd`, in bytes. `reads_as_zero` states that the range was never
    // written, as in a new sparse file.
    DiskArea(int fd, std::uint64_t offset, std::uint64_t size, bool reads_as_zero, std::string name)
        : fd_(fd), offset_(offset), size_(size), reads_as_zero_(reads_as_zero), name_(std::move(name)) {}

    std::uint64_t size() const noexcept { return size_; }
    const std::string& name() const noexcept { return name_; }

    // Positions are in bytes, relative to the area. Throws Error{no_space} if the disk or filesystem is full,
    // and Error{internal} for a range outside of the area.
    void write(std::uint64_t at, ByteView bytes) const;
    void read(std::uint64_t at, MutableBytes bytes) const;
    // Makes the range read as zeros; takes no space in a sparse file.
    void zero(std::uint64_t at, std::uint64_t length) const;
    // As zero(), for a range that was not written since the area was created.
    void zero_fresh(std::uint64_t at, std::uint64_t length) const;

    // Clears the first and the last MiB, which hold the signatures of filesystems, RAIDs and volume managers.
    // ext4 does not write its first 1024 bytes.
    void clear_edges() const;

    // Returns a part of this area. It borrows the same descriptor.
    DiskArea part(std::uint64_t at, std::uint64_t length, std::string name) const;

  private:
    void check_range(std::uint64_t at, std::uint64_t length) const;

    int fd_;
    std::uint64_t offset_;
    std::uint64_t size_;
    bool reads_as_zero_;
    std::string name_;
};

}  // namespace osb::image
