// What the files in a staging directory are still to get: owner, mode and extended attributes.
//
// A bare repository holds files as they will be used, setuid ones among them. Their bytes are only known to
// be good when the whole layer has come and has its digest; until then they stay plain files of the importer.
// The list is a file of its own, because attributes may be as large as an attacker wants them.
#pragma once

#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>

#include "base/hash.hh"
#include "ostree/objects/object_format.hh"

namespace osb::ostree {

class UnfinishedFiles {
  public:
    // Makes the list in the directory `staging_fd`, which is borrowed, without a name.
    explicit UnfinishedFiles(int staging_fd);

    // Threads may call it at once.
    void add(const Sha256& checksum, const FileMeta& meta);

    // Calls `finish` for each file that was added, in that order, and forgets them. The attributes are valid
    // during the call.
    void finish_all(const std::function<void(const Sha256& checksum, const FileMeta& meta)>& finish);

  private:
    struct Closer {
        // The owner is the unique_ptr. What was written is read back before, so that no error is lost here.
        void operator()(std::FILE* file) const noexcept {
            static_cast<void>(std::fclose(file));  // NOLINT(cppcoreguidelines-owning-memory)
        }
    };

    std::mutex mutex_;
    std::unique_ptr<std::FILE, Closer> list_;
    std::uint64_t count_ = 0;
};

}  // namespace osb::ostree
