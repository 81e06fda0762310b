#include "image/boot/frozen_filesystem.hh"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.hh"

namespace osb::image {
namespace {

// EINVAL means that the filesystem is already thawed.
void thaw(int directory) noexcept {
    while (::ioctl(directory, FITHAW, 0) != 0 && errno == EINTR) {
    }
}

void close_all(unsigned first, unsigned last) noexcept {
#ifdef SYS_close_range
    if (first <= last) ::syscall(SYS_close_range, first, last, 0U);
#else
    static_cast<void>(first);
    static_cast<void>(last);
#endif
}

// The body of the watcher process. It is a fork() of a process with threads, so it may only do what a signal
// handler may do. It closes all inherited descriptors, so that it holds no locks and no open ends of pipes.
[[noreturn]] void watch(int connection, int directory) noexcept {
    // A signal to the whole process group or session must not kill the watcher.
    ::setsid();
    const auto low = static_cast<unsigned>(std::min(connection, directory));
    const auto high = static_cast<unsigned>(std::max(connection, directory));
    if (low > 0) close_all(0, low - 1);
    close_all(low + 1, high - 1);
    close_all(high + 1, ~0U);
    char byte = 0;
    // The filesystem is not frozen before this message.
    if (::send(connection, &byte, 1, MSG_NOSIGNAL) != 1) ::_exit(1);
    while (::recv(connection, &byte, 1, 0) < 0 && errno == EINTR) {
    }
    thaw(directory);
    ::_exit(0);
}

}  // namespace

FrozenFilesystem::FrozenFilesystem(int directory) : directory_(directory) {
    sigset_t all;
    sigfillset(&all);
    if (const int error = ::pthread_sigmask(SIG_BLOCK, &all, &signals_); error != 0) {
        throw errno_error(error, "cannot block signals");
    }
    try {
        start_watcher();
    } catch (...) {
        end_watcher();
        throw;
    }
    is_frozen_ = ::ioctl(directory, FIFREEZE, 0) == 0;
    if (!is_frozen_) end_watcher();
}

FrozenFilesystem::~FrozenFilesystem() {
    if (!is_frozen_) return;
    thaw(directory_);
    end_watcher();
}

void FrozenFilesystem::start_watcher() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw_errno("cannot make a connection");
    }
    connection_ = Fd(ends[0]);
    Fd theirs(ends[1]);
    watcher_ = ::fork();
    if (watcher_ < 0) throw_errno("cannot start a process that thaws BOOT");
    if (watcher_ == 0) {
        ::close(ends[0]);
        watch(ends[1], directory_);
    }
    theirs.close();
    char byte = 0;
    if (::recv(connection_.get(), &byte, 1, 0) != 1) {
        throw Error(ErrorKind::io, "the process that thaws BOOT has ended");
    }
}

// The order matters: the watcher thaws when the connection closes.
void FrozenFilesystem::end_watcher() noexcept {
    if (watcher_ > 0) {
        ::kill(watcher_, SIGKILL);
        while (::waitpid(watcher_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
    connection_.close();
    ::pthread_sigmask(SIG_SETMASK, &signals_, nullptr);
}

}  // namespace osb::image
