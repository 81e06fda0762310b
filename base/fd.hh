// File descriptors, owned; and files read and written through them without surprises.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>

#include "base/stream.hh"

namespace osb {

// Owns one open file descriptor; closes it when it goes.
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
    // Closes now. An error of close() is of no use here: what must be durable is synced.
    void close() noexcept;

  private:
    int fd_ = -1;
};

// openat(2) with O_CLOEXEC added. Throws Error naming `path` (not_found for ENOENT, else io or no_space).
Fd open_at(int dirfd, const std::string& path, int flags, mode_t mode = 0);

// Opens a regular file below or beside dirfd for reading; a symbolic link, FIFO, device or directory is
// refused with Error{invalid} and never opened in a way that blocks.
Fd open_regular(int dirfd, const std::string& path);

// The size of an open regular file in bytes.
std::uint64_t file_size(int fd);

// Writes everything; continues after short writes and EINTR. Throws Error (no_space for ENOSPC).
void write_all(int fd, ByteView bytes, std::string_view what);

// A range of an open file as a Source, read with pread so that several may share one descriptor.
class FileRangeSource final : public Source {
  public:
    // `fd` is borrowed and must outlive this object; [offset, offset+length) must lie in the file.
    FileRangeSource(int fd, std::uint64_t offset, std::uint64_t length, std::string name);
    std::size_t read(MutableBytes buffer) override;
    std::uint64_t skip(std::uint64_t count) override;

  private:
    int fd_;
    std::uint64_t offset_;
    std::uint64_t left_;
    std::string name_;
};

// A descriptor read to its end: a file, a pipe, standard input. Waits in a way that an interruption ends.
class FdSource final : public Source {
  public:
    FdSource(Fd fd, std::string name);
    std::size_t read(MutableBytes buffer) override;

  private:
    Fd fd_;
    std::string name_;
};

}  // namespace osb
