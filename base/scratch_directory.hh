// A directory for temporary files that would outlive their process: those of child processes, and those that
// need a name.
#pragma once

#include <string>

#include "base/fd.hh"

namespace osb {

// A new private directory in $TMPDIR, or else /var/tmp. The destructor removes it with everything in it. The
// constructor also removes the directories of killed processes: each owner locks its directory.
class ScratchDirectory {
  public:
    // `parent`: "" for $TMPDIR, or else /var/tmp. Removes an abandoned directory only if it is at least
    // `young_seconds` old, because a process that just starts has not locked its own yet. Throws Error.
    explicit ScratchDirectory(std::string parent = "", int young_seconds = 10);
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    ~ScratchDirectory();

    const std::string& path() const noexcept { return path_; }

    // Removes the files in the directory; a process can continue to read an open one. Thread-safe.
    void remove_files() const noexcept;

    // Another process removes the directory: the destructor no longer does. This process holds the lock until
    // its end, so that no other run removes the directory if that process is killed.
    void leave_to_helper() noexcept { static_cast<void>(fd_.release()); }

  private:
    void remove_stale(int young_seconds) const;

    std::string parent_;
    std::string path_;
    Fd fd_;
};

}  // namespace osb
