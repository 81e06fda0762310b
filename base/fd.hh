// Owned file descriptors, and complete reads and writes through them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>

#include "base/stream.hh"

namespace osb {

// Owns an open file descriptor and closes it on destruction.
class Fd {
  public:
    Fd() noexcept = default;
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept;
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { close(); }

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int release() noexcept { return std::exchange(fd_, -1); }
    // Closes now. Errors of close() are ignored: data that must be durable is synced before.
    void close() noexcept;

  private:
    int fd_ = -1;
};

// Calls openat(2) with O_CLOEXEC added. Throws Error naming `path`: not_found for ENOENT, else io or
// no_space.
Fd open_at(int dirfd, const std::string& path, int flags, mode_t mode = 0);

// Opens a regular file for reading, relative to dirfd. Never blocks. Throws Error{invalid} for a symbolic
// link, FIFO, device or directory; otherwise as open_at().
Fd open_regular(int dirfd, const std::string& path);

// The size of an open regular file in bytes.
std::uint64_t file_size(int fd);

// Writes all bytes, and continues after short writes and EINTR. Throws Error{io, no_space} naming `what`.
void write_all(int fd, ByteView bytes, std::string_view what);

// A range of an open file as a Source. It reads with pread(2), so several sources can share a descriptor.
class FileRangeSource final : public Source {
  public:
    // `fd` is borrowed and must outlive this object. [offset, offset+length) must lie in the file.
    FileRangeSource(int fd, std::uint64_t offset, std::uint64_t length, std::string name);
    std::size_t read(MutableBytes buffer) override;
    std::uint64_t skip(std::uint64_t count) override;

  private:
    int fd_;
    std::uint64_t offset_;
    std::uint64_t left_;
    std::string name_;
};

// Reads a file, a pipe or standard input to its end. Owns the descriptor. A stop request ends a blocked read.
class FdSource final : public Source {
  public:
    FdSource(Fd fd, std::string name);
    std::size_t read(MutableBytes buffer) override;

  private:
    Fd fd_;
    std::string name_;
};

}  // namespace osb
