#include "base/umask_scope.hh"

#include <sys/stat.h>

namespace osb {

UmaskScope::UmaskScope(mode_t mask) noexcept : before_(::umask(mask)) {}

UmaskScope::~UmaskScope() {
    ::umask(before_);
}

mode_t UmaskScope::readable() noexcept {
    // umask(2) can only read the mask by setting it.
    const mode_t present = ::umask(022);
    ::umask(present);
    return present & 022U;
}

}  // namespace osb
