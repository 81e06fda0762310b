// A part of a disk, or of the file that stands for one.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.hh"

namespace osb::image {

// Borrowed: the descriptor must outlive it. Threads may use it at once.
class DiskArea {
  public:
    // [offset, offset + size) of `fd`. `reads_as_zero`: nothing was ever written there, as in a new sparse
    // file.
    DiskArea(int fd, std::uint64_t offset, std::uint64_t size, bool reads_as_zero, std::string name)
        : fd_(fd), offset_(offset), size_(size), reads_as_zero_(reads_as_zero), name_(std::move(name)) {}

    std::uint64_t size() const noexcept { return size_; }
    const std::string& name() const noexcept { return name_; }

    // Positions are relative to the area. Throws Error, no_space where that is the cause; internal for what
    // is outside of the area.
    void write(std::uint64_t at, ByteView bytes) const;
    void read(std::uint64_t at, MutableBytes bytes) const;
    // Makes the range read as zeros; takes no space in a sparse file.
    void zero(std::uint64_t at, std::uint64_t length) const;
    // As zero(), for a range that nothing was written to since the area was made.
    void zero_fresh(std::uint64_t at, std::uint64_t length) const;

    // Clears the first and the last MiB, where other filesystems, RAIDs and volume managers have what they
    // are recognised by. ext4 leaves its first 1024 bytes alone.
    void clear_edges() const;

    // A part of this one.
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
