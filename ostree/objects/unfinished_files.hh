// The pending metadata of files in a staging directory: owner, mode and extended attributes.
//
// A bare repository has files in their final form, including setuid ones. Their bytes can only be trusted
// after the whole layer has arrived and its digest matches. Until then they are plain files of the importing
// user. The list is in a file, because an attacker controls the size of the attributes.
#pragma once

#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>

#include "base/hash.hh"
#include "ostree/objects/object_format.hh"

namespace osb::ostree {

// The list of files with pending metadata.
class UnfinishedFiles {
  public:
    // Creates the list as an unnamed file in the directory `staging_fd`, which is borrowed.
    explicit UnfinishedFiles(int staging_fd);

    // Thread-safe.
    void add(const Sha256& checksum, const FileMeta& meta);

    // Calls `finish` for each file in the order of add(), and clears the list. The attributes are valid
    // during the call.
    void finish_all(const std::function<void(const Sha256& checksum, const FileMeta& meta)>& finish);

  private:
    struct Closer {
        // The unique_ptr is the owner. The list is read back before, so no write error is lost here.
        void operator()(std::FILE* file) const noexcept {
            static_cast<void>(std::fclose(file));  // NOLINT(cppcoreguidelines-owning-memory)
        }
    };

    std::mutex mutex_;
    std::unique_ptr<std::FILE, Closer> list_;
    std::uint64_t count_ = 0;
};

}  // namespace osb::ostree
