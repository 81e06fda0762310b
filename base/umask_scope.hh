// File modes that do not depend on the umask of the caller.
#pragma once

#include <sys/types.h>

namespace osb {

// Sets the umask of the process during its lifetime, and restores the previous umask after it. Files that the
// user requested (an image layout, a disk) are created outside of a scope. Scopes may nest. Not thread-safe:
// no other thread may create files while a scope begins or ends.
class UmaskScope {
  public:
    explicit UmaskScope(mode_t mask) noexcept;
    UmaskScope(const UmaskScope&) = delete;
    UmaskScope& operator=(const UmaskScope&) = delete;
    ~UmaskScope();

    // The umask of the caller, reduced to the bits of 022: it may let the group write, and removes no access
    // that 022 leaves.
    static mode_t readable() noexcept;

  private:
    mode_t before_;
};

}  // namespace osb
