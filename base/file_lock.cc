#include "base/file_lock.hh"

#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"

namespace osb {

bool try_lock_file(int fd, std::string_view what) {
    while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return false;
        if (errno != EINTR) throw_errno(concat("cannot lock ", quoted(what)));
    }
    return true;
}

void lock_file(int fd, std::string_view what) {
    constexpr std::chrono::milliseconds kPause{20};
    while (!try_lock_file(fd, what)) {
        check_interrupt();
        std::this_thread::sleep_for(kPause);
    }
}

}  // namespace osb
