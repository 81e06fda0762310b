// Who changes the deployments of a sysroot, for whoever waits: the lock itself does not tell.
#pragma once

#include <string>

namespace osb::ostree {

// The note of a process that has the sysroot's lock, in the file `path`. It is for people alone: errors are
// passed over, and a note whose process has ended counts for nothing.
class LockHolder {
  public:
    // Writes the note, for this process.
    explicit LockHolder(std::string path);
    LockHolder(const LockHolder&) = delete;
    LockHolder& operator=(const LockHolder&) = delete;
    // Removes it.
    ~LockHolder();

  private:
    std::string path_;
};

// "'osb-oci upgrade' (process 123, for 20 s)", escaped; "another program" where there is no note of a process
// that runs.
std::string describe_lock_holder(const std::string& path);

}  // namespace osb::ostree
