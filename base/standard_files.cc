#include "base/standard_files.hh"

#include <fcntl.h>
#include <unistd.h>

#include <initializer_list>

namespace osb {

bool fill_standard_files() noexcept {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(fd, F_GETFD) >= 0) continue;
        // Opened the wrong way, so that reading an image and printing a result are errors. The lowest free
        // number is this one. Programs that are started inherit it.
        if (::open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_WRONLY) != fd) return false;
    }
    return true;
}

}  // namespace osb
