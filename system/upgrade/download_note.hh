// Marks that the upgrade which holds the sysroot's lock only downloads. A rollback can then end it instead of
// waiting.
#pragma once

#include "base/fd.hh"
#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// The note of this process, in SYSROOT/ostree/osb-oci/downloading. The note is valid while its file is
// locked. The lock ends with the process, and only root can open the file. Errors are ignored; a rollback
// then waits.
class DownloadNote {
  public:
    // The sysroot must be locked.
    explicit DownloadNote(const ostree::Sysroot& sysroot);
    DownloadNote(const DownloadNote&) = delete;
    DownloadNote& operator=(const DownloadNote&) = delete;
    ~DownloadNote() = default;

  private:
    Fd file_;
};

// Sends SIGTERM to a process that has such a note. Returns true if there was one. The next upgrade reuses
// what it fetched. Does not wait: the sysroot's lock is free after the process has ended.
bool end_download(const ostree::Sysroot& sysroot);

}  // namespace osb::system
