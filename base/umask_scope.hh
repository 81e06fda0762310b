// The modes of files that the program makes for others to read, which are no matter of who calls it.
#pragma once

#include <sys/types.h>

namespace osb {

// The process has this umask for as long as this lives; then again the one before. Files that a user asks for
// (an image layout, a disk) are made outside of it. Scopes may lie inside each other. Not to begin or end
// while other threads make files.
class UmaskScope {
  public:
    explicit UmaskScope(mode_t mask) noexcept;
    UmaskScope(const UmaskScope&) = delete;
    UmaskScope& operator=(const UmaskScope&) = delete;
    ~UmaskScope();

    // The caller's, which may let the group write, and takes from nobody what `022` leaves.
    static mode_t readable() noexcept;

  private:
    mode_t before_;
};

}  // namespace osb
