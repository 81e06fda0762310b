// Freezes a filesystem (FIFREEZE), which writes its journal out, and thaws it in the destructor. A watcher
// process thaws the filesystem if this process is killed. Without it, every writer would block until the
// machine restarts.
#pragma once

#include <sys/types.h>

#include <csignal>

#include "base/fd.hh"

namespace osb::image {

// Nothing may write to the filesystem during the lifetime of this object, least of all this process. The
// signals of this thread are blocked for as long. Not thread-safe.
class FrozenFilesystem {
  public:
    // `directory` is an open directory of the filesystem, borrowed. Throws Error{io} if the watcher process
    // cannot be started. A filesystem that cannot be frozen is not an error: see is_frozen().
    explicit FrozenFilesystem(int directory);
    FrozenFilesystem(const FrozenFilesystem&) = delete;
    FrozenFilesystem& operator=(const FrozenFilesystem&) = delete;
    ~FrozenFilesystem();

    // False if the process lacks the privileges, the filesystem does not support freezing, or another process
    // has frozen it. In the last case that process thaws it.
    bool is_frozen() const noexcept { return is_frozen_; }

  private:
    void start_watcher();
    void end_watcher() noexcept;

    int directory_;
    bool is_frozen_ = false;
    pid_t watcher_ = -1;
    Fd connection_;  // to the watcher, which sees it close when this process ends for any reason
    sigset_t signals_{};
};

}  // namespace osb::image
