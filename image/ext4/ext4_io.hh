// Lets libext2fs read and write a DiskArea. Internal to this folder.
#pragma once

extern "C" {
#include <com_err.h>  // does not say so itself
}
#include <ext2fs/ext2fs.h>

#include <string_view>

#include "image/disk/disk_area.hh"

namespace osb::image {

// Provides the I/O channel of a filesystem on `area` when libext2fs calls open() of the manager on this
// thread. `area` is borrowed and must outlive the filesystem.
class Ext4Io {
  public:
    explicit Ext4Io(const DiskArea& area);
    Ext4Io(const Ext4Io&) = delete;
    Ext4Io& operator=(const Ext4Io&) = delete;
    ~Ext4Io();

    io_manager manager() const noexcept;
};

// Throws if `code` is not 0: the error that made the read or write fail, if it is known, or else Error with
// `what` and the message of libext2fs.
void check_ext4(errcode_t code, std::string_view what);

}  // namespace osb::image
