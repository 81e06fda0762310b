// A note on the process that is changing a sysroot, for processes that wait: the lock itself does not tell.
#pragma once

#include <string>

namespace osb::ostree {

// The note of the process that holds the sysroot's lock, in the file `path`. It is only informative: errors
// are ignored, and so is the note of a process that has ended.
class LockHolder {
  public:
    // Writes the note for this process.
    explicit LockHolder(std::string path);
    LockHolder(const LockHolder&) = delete;
    LockHolder& operator=(const LockHolder&) = delete;
    // Removes the note.
    ~LockHolder();

  private:
    std::string path_;
};

// "'osb-oci upgrade' (process 123, for 20 s)", escaped; "another program" if there is no note of a running
// process.
std::string describe_lock_holder(const std::string& path);

}  // namespace osb::ostree
