// Objects on their way into a repository: written to a directory of their own under tmp/, made durable
// together, then moved to objects/. Nothing that is incomplete ever has an object's name under objects/.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/fd.hh"

namespace osb::ostree {

// Removes the staging directories of imports that were killed, as far as that is possible: what stays is only
// space. `repo_fd` is borrowed.
void remove_abandoned_staging(int repo_fd);

// The directory, and those in it, can be entered by their owner alone until they are published. It is locked
// while it is in use; one whose owner was killed is removed by the next Staging. Its
// name is not of libostree's own pattern (staging-BOOTID-...), because libostree takes over what it finds in
// those.
class Staging {
  public:
    // Removes what others left behind, then makes the directory. `repo_fd` is borrowed.
    explicit Staging(int repo_fd);
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;
    // Removes what was not published.
    ~Staging();

    int fd() const noexcept { return dir_.get(); }

    // Makes the directory of objects whose checksum begins with `first_byte`. Threads may call it at once.
    void ensure_directory(std::uint8_t first_byte);

    // A name in this directory that nobody else uses.
    std::string unique_name();

    // Moves all objects below objects/. `sync`: first waits until they are on the disk, all at once, as
    // libostree does.
    void publish(bool sync);

  private:
    void publish_directory(int objects_fd, const std::string& name) const;

    int repo_fd_;
    std::string path_;  // relative to repo_fd_
    Fd dir_;
    mode_t directory_mode_ = 0;  // of what is published
    std::array<std::atomic<bool>, 256> have_directory_{};
    std::mutex mutex_;
    std::atomic<unsigned> counter_{0};
};

}  // namespace osb::ostree
