// libext2fs reads and writes a DiskArea. Internal to this folder.
#pragma once

extern "C" {
#include <com_err.h>  // does not say so itself
}
#include <ext2fs/ext2fs.h>

#include <string_view>

#include "image/disk/disk_area.hh"

namespace osb::image {

// Opens a filesystem's channel on `area` when libext2fs calls the manager's open() on this thread. The area
// must outlive the filesystem.
class Ext4Io {
  public:
    explicit Ext4Io(const DiskArea& area);
    Ext4Io(const Ext4Io&) = delete;
    Ext4Io& operator=(const Ext4Io&) = delete;
    ~Ext4Io();

    io_manager manager() const noexcept;
};

// Throws unless `code` is 0: what made reading or writing fail, where that is known, else Error with
// libext2fs's own message after `what`.
void check_ext4(errcode_t code, std::string_view what);

}  // namespace osb::image
