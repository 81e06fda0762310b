#include "base/random.hh"

#include <sys/random.h>
#include <sys/types.h>

#include <cerrno>
#include <vector>

#include "base/error.hh"
#include "base/hash.hh"

namespace osb {

void fill_random(MutableBytes out) {
    while (!out.empty()) {
        const ssize_t n = ::getrandom(out.data(), out.size(), 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) throw_errno("cannot get random numbers");
        out = out.subspan(static_cast<std::size_t>(n));
    }
}

std::string random_hex(std::size_t bytes) {
    std::vector<std::uint8_t> random(bytes);
    fill_random(random);
    return to_hex(random);
}

}  // namespace osb
