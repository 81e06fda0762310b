// Says that the upgrade which holds the sysroot's lock only downloads, so that a rollback need not wait for
// it.
#pragma once

#include "base/fd.hh"
#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// The note of this process, in SYSROOT/ostree/osb-oci/downloading. It counts while its file is locked, which
// ends with the process, and root alone can open it. Errors are passed over: then a rollback waits.
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

// Sends SIGTERM to a process that has such a note, and returns whether there was one; what it fetched is kept
// for the next upgrade. Does not wait: the sysroot's lock is free when it has ended.
bool end_download(const ostree::Sysroot& sysroot);

}  // namespace osb::system
