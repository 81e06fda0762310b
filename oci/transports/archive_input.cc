#include "oci/transports/archive_input.hh"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "oci/tar/tar_header.hh"

namespace osb::oci {

Fd open_input(const std::string& file) {
    for (;;) {
        // Without O_NONBLOCK, so that the open waits for the writer of a FIFO.
        Fd fd(file == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                          : ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
        if (fd) return fd;
        if (errno != EINTR) throw_errno(concat("cannot open ", quoted(file)));
        check_interrupt();
    }
}

FileFormat file_format(int fd, const std::string& name) {
    std::array<std::uint8_t, kTarBlock> head{};
    FileRangeSource beginning(fd, 0, std::min<std::uint64_t>(head.size(), file_size(fd)), name);
    const ByteView bytes = ByteView(head).first(read_full(beginning, head));
    return {.untyped = find_untyped_compression(bytes),
            .compression = find_compression(bytes, Compression::none)};
}

void check_unpacked_size(std::uint64_t unpacked, std::uint64_t stored) {
    constexpr std::uint64_t kFreeBytes = 1ULL << 30U;
    constexpr std::uint64_t kMaxRatio = 200;
    if (unpacked <= kFreeBytes || unpacked - kFreeBytes <= kMaxRatio * stored) return;
    throw Error(ErrorKind::too_large, concat("unpacks to more than ", kMaxRatio,
                                             " times its size: ", unpacked, " bytes from ", stored));
}

}  // namespace osb::oci
