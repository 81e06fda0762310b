// A directory for the temporary files of a child process that does not remove them.
#pragma once

#include <string>

#include "base/fd.hh"

namespace osb::registry {

// A new private directory in $TMPDIR, or else /var/tmp. The destructor removes it with all its files. The
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

  private:
    void remove_stale(int young_seconds) const;

    std::string parent_;
    std::string path_;
    Fd fd_;
};

}  // namespace osb::registry
