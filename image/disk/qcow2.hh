// Writes disk images in QEMU's format (docs/interop/qcow2.txt of QEMU), version 3, in one pass.
#pragma once

#include "base/fd.hh"
#include "base/progress.hh"
#include "image/disk/disk_area.hh"

namespace osb::image {

// Writes the disk `raw`, whose descriptor is `raw_fd`, to the empty file `out`, and returns `out`. Ranges
// that read as zeros take no space. The output is reproducible: equal disks give equal bytes. Reports
// progress in bytes.
Fd convert_to_qcow2(const DiskArea& raw, int raw_fd, Fd out, Progress& progress);

}  // namespace osb::image
