#include "image/disk/disk_area.hh"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "image/disk/byte_size.hh"

namespace osb::image {

void DiskArea::check_range(std::uint64_t at, std::uint64_t length) const {
    if (at > size_ || length > size_ - at) {
        throw Error(ErrorKind::internal,
                    concat(name_, ": ", length, " bytes at ", at, " are beyond its end"));
    }
}

void DiskArea::write(std::uint64_t at, ByteView bytes) const {
    check_range(at, bytes.size());
    auto position = static_cast<off_t>(offset_ + at);
    while (!bytes.empty()) {
        const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), position);
        if (n < 0 && errno == EINTR) {
            check_interrupt();
            continue;
        }
        if (n < 0) throw_errno(concat("cannot write to ", name_));
        if (n == 0) throw Error(ErrorKind::io, concat("cannot write to ", name_, ": nothing was written"));
        bytes = bytes.subspan(static_cast<std::size_t>(n));
        position += n;
    }
}

void DiskArea::read(std::uint64_t at, MutableBytes bytes) const {
    check_range(at, bytes.size());
    auto position = static_cast<off_t>(offset_ + at);
    while (!bytes.empty()) {
        const ssize_t n = ::pread(fd_, bytes.data(), bytes.size(), position);
        if (n < 0 && errno == EINTR) {
            check_interrupt();
            continue;
        }
        if (n < 0) throw_errno(concat("cannot read ", name_));
        if (n == 0) throw Error(ErrorKind::io, concat(name_, " is shorter than it was"));
        bytes = bytes.subspan(static_cast<std::size_t>(n));
        position += n;
    }
}

void DiskArea::zero(std::uint64_t at, std::uint64_t length) const {
    check_range(at, length);
    if (length == 0) return;
    struct stat st {};
    if (::fstat(fd_, &st) != 0) throw_errno(concat("cannot inspect ", name_));
    if (S_ISBLK(st.st_mode)) {
        std::uint64_t range[2] = {offset_ + at, length};
        if (::ioctl(fd_, BLKZEROOUT, range) == 0) return;
    } else if (::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset_ + at),
                           static_cast<off_t>(length)) == 0) {
        return;
    }
    constexpr std::uint64_t kChunk = 256UL * 1024;
    const std::vector<std::uint8_t> zeros(std::min(length, kChunk));
    while (length > 0) {
        const std::uint64_t n = std::min<std::uint64_t>(length, zeros.size());
        write(at, ByteView(zeros.data(), n));
        at += n;
        length -= n;
    }
}

void DiskArea::zero_fresh(std::uint64_t at, std::uint64_t length) const {
    check_range(at, length);
    if (!reads_as_zero_) zero(at, length);
}

void DiskArea::clear_edges() const {
    const std::uint64_t edge = std::min(size_, kMebibyte);
    zero_fresh(0, edge);
    zero_fresh(size_ - edge, edge);
}

DiskArea DiskArea::part(std::uint64_t at, std::uint64_t length, std::string name) const {
    check_range(at, length);
    return {fd_, offset_ + at, length, reads_as_zero_, std::move(name)};
}

}  // namespace osb::image
