#include "base/fd.hh"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"

namespace osb {

Fd& Fd::operator=(Fd&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

void Fd::close() noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

Fd open_at(int dirfd, const std::string& path, int flags, mode_t mode) {
    Fd fd(::openat(dirfd, path.c_str(), flags | O_CLOEXEC, mode));
    if (!fd) throw_errno(concat("cannot open ", quoted(path)));
    return fd;
}

Fd open_regular(int dirfd, const std::string& path) {
    // O_NONBLOCK keeps the open of a FIFO or a device from blocking; it means nothing for a regular file.
    Fd fd(::openat(dirfd, path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    if (!fd) {
        if (errno == ELOOP) throw Error(ErrorKind::invalid, concat(quoted(path), ": is a symbolic link"));
        throw_errno(concat("cannot open ", quoted(path)));
    }
    struct stat st {};
    if (::fstat(fd.get(), &st) != 0) throw_errno(concat("cannot stat ", quoted(path)));
    if (!S_ISREG(st.st_mode))
        throw Error(ErrorKind::invalid, concat(quoted(path), ": is not a regular file"));
    return fd;
}

std::uint64_t file_size(int fd) {
    struct stat st {};
    if (::fstat(fd, &st) != 0) throw_errno("cannot stat an open file");
    return static_cast<std::uint64_t>(st.st_size);
}

void write_all(int fd, ByteView bytes, std::string_view what) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0) {
            if (errno == EINTR) continue;
            throw_errno(concat("cannot write ", quoted(what)));
        }
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
}

FileRangeSource::FileRangeSource(int fd, std::uint64_t offset, std::uint64_t length, std::string name)
    : fd_(fd), offset_(offset), left_(length), name_(std::move(name)) {}

std::size_t FileRangeSource::read(MutableBytes buffer) {
    check_interrupt();
    const std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left_));
    if (want == 0) return 0;
    for (;;) {
        const ssize_t n = ::pread(fd_, buffer.data(), want, static_cast<off_t>(offset_));
        if (n < 0) {
            if (errno == EINTR) continue;
            throw_errno(concat("cannot read ", quoted(name_)));
        }
        offset_ += static_cast<std::uint64_t>(n);
        left_ -= static_cast<std::uint64_t>(n);
        if (n == 0) left_ = 0;  // the file became shorter: the check of the digest reports it
        return static_cast<std::size_t>(n);
    }
}

std::uint64_t FileRangeSource::skip(std::uint64_t count) {
    const std::uint64_t n = std::min(count, left_);
    offset_ += n;
    left_ -= n;
    return n;
}

FdSource::FdSource(Fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

std::size_t FdSource::read(MutableBytes buffer) {
    constexpr int kPollMilliseconds = 200;
    for (;;) {
        check_interrupt();
        pollfd entry{.fd = fd_.get(), .events = POLLIN, .revents = 0};
        const int ready = ::poll(&entry, 1, kPollMilliseconds);
        if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
        if (ready < 0) throw_errno(concat("cannot wait for ", quoted(name_)));
        const ssize_t n = ::read(fd_.get(), buffer.data(), buffer.size());
        if (n >= 0) return static_cast<std::size_t>(n);
        if (errno != EINTR && errno != EAGAIN) throw_errno(concat("cannot read ", quoted(name_)));
    }
}

}  // namespace osb
