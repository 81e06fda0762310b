#include "tests/support/flock_hook.hh"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace {

std::function<int()>& hook() {
    static std::function<int()> function;
    return function;
}

}  // namespace

// The linker takes this one, as long as the program's own code calls it. Its header is not included: C
// libraries differ in what they say of exceptions.
extern "C" int flock(int fd, int operation) {
    if (hook()) {
        if (const int error = hook()(); error != 0) {
            errno = error;
            return -1;
        }
    }
    return static_cast<int>(::syscall(SYS_flock, fd, operation));
}

namespace osb::test {

FlockHook::FlockHook(std::function<int()> before) {
    hook() = std::move(before);
}

FlockHook::~FlockHook() {
    hook() = {};
}

}  // namespace osb::test
