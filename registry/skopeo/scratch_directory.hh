// A directory for temporary files of a child process, which leaves them lying about.
#pragma once

#include <string>

#include "base/fd.hh"

namespace osb::registry {

// A new, private directory in $TMPDIR, else /var/tmp, that goes with everything in it. The directories of
// processes that were killed before they could do so are removed when the next one is made: each is locked by
// its owner.
class ScratchDirectory {
  public:
    // `parent`: "" for $TMPDIR, else /var/tmp. An abandoned directory is removed from the age of
    // `young_seconds` on: a process that just starts has not locked its own yet. Throws Error.
    explicit ScratchDirectory(std::string parent = "", int young_seconds = 10);
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    ~ScratchDirectory();

    const std::string& path() const noexcept { return path_; }

    // Removes the files in it; who has one open may go on reading it. Threads may call this at once.
    void remove_files() const noexcept;

  private:
    void remove_stale(int young_seconds) const;

    std::string parent_;
    std::string path_;
    Fd fd_;
};

}  // namespace osb::registry
