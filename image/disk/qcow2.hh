// Disk images in QEMU's format (docs/interop/qcow2.txt of QEMU), version 3, written in one go.
#pragma once

#include "base/fd.hh"
#include "base/progress.hh"
#include "image/disk/disk_area.hh"

namespace osb::image {

// Writes the disk `raw`, whose descriptor is `raw_fd`, to the empty file `out`, and returns that. What reads
// as zeros takes no space. The same disk gives the same bytes. Reports bytes.
Fd convert_to_qcow2(const DiskArea& raw, int raw_fd, Fd out, Progress& progress);

}  // namespace osb::image
