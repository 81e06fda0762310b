#include "base/pipe.hh"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "base/error.hh"

namespace osb {

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno("cannot make a pipe");
    return {Fd(ends[0]), Fd(ends[1])};
}

}  // namespace osb
