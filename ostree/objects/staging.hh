// The staging area for new objects: they are written to a private directory below tmp/, made durable
// together, and then moved to objects/. An incomplete object never has its final name.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/fd.hh"

namespace osb::ostree {

// Removes the staging directories of killed imports, as far as possible. Remaining ones only use space.
// `repo_fd` is borrowed.
void remove_abandoned_staging(int repo_fd);

// The staging directory. Until objects are published, only the owner can enter it and its subdirectories. It
// is locked while it is in use; the next Staging removes the directory of a killed process. Its name does not
// match libostree's pattern (staging-BOOTID-...), because libostree reuses the content of such directories.
class Staging {
  public:
    // Removes abandoned directories, then creates a new one. `repo_fd` is borrowed.
    explicit Staging(int repo_fd);
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;
    // Removes objects that were not published.
    ~Staging();

    int fd() const noexcept { return dir_.get(); }

    // Creates the directory of objects whose checksum starts with `first_byte`. Idempotent, thread-safe.
    void ensure_directory(std::uint8_t first_byte);

    // A unique name in this directory. Thread-safe.
    std::string unique_name();

    // Moves all objects to objects/. `sync`: first waits until all of them are on the disk, with one sync, as
    // libostree does.
    void publish(bool sync);

  private:
    void publish_directory(int objects_fd, const std::string& name) const;

    int repo_fd_;
    std::string path_;  // relative to repo_fd_
    Fd dir_;
    mode_t directory_mode_ = 0;  // of published directories
    std::array<std::atomic<bool>, 256> have_directory_{};
    std::mutex mutex_;
    std::atomic<unsigned> counter_{0};
};

}  // namespace osb::ostree
