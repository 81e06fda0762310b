// A filesystem that is frozen for a moment (FIFREEZE), which writes its journal out; and thawed again, also
// when this process is killed meanwhile: whoever writes to a frozen filesystem waits, until the machine is
// restarted if need be.
#pragma once

#include <sys/types.h>

#include <csignal>

#include "base/fd.hh"

namespace osb::image {

// While it lives, nothing is to be written to that filesystem, least of all by this process. A process of its
// own watches over this one and thaws in its place. The signals of this thread wait as long. Not for use in
// several threads at once.
class FrozenFilesystem {
  public:
    // `directory` is one of that filesystem, open and borrowed. Throws Error{io} when no process can be
    // started to watch; a filesystem that cannot be frozen is none: see is_frozen().
    explicit FrozenFilesystem(int directory);
    FrozenFilesystem(const FrozenFilesystem&) = delete;
    FrozenFilesystem& operator=(const FrozenFilesystem&) = delete;
    ~FrozenFilesystem();

    // Not where that needs more privileges, the filesystem knows no freezing, or somebody else has frozen it:
    // then it is his to thaw.
    bool is_frozen() const noexcept { return is_frozen_; }

  private:
    void start_watcher();
    void end_watcher() noexcept;

    int directory_;
    bool is_frozen_ = false;
    pid_t watcher_ = -1;
    Fd connection_;  // to the watcher, which sees it close when this process ends, however that is
    sigset_t signals_{};
};

}  // namespace osb::image
