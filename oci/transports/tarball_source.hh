// Root filesystems in tar archives, as images: the transport tarball: of containers/image.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "oci/documents/platform.hh"
#include "oci/transports/image_source.hh"

namespace osb::oci {

// Makes an image of the archives `files`, one layer per file, the first one at the bottom. A file is a path,
// or "-" for standard input. It is a tar archive, plain or compressed with gzip or zstd. The image has the
// platform `platform`, and no command.
//
// The image depends on the bytes of the files and on the platform only, not on names and times of the files:
// the time in the config is that of the newest entry in the archives. Each file is read once to the end here,
// for its digest and diffID. It remains open; if it changes, a reader of its layer reports the wrong digest.
// A file that is not regular is copied to an unnamed file in $TMPDIR, or else in /var/tmp or /tmp.
//
// Throws Error: not_found, io; invalid or too_large for an archive that is malformed or unpacks to more than
// 1 GiB plus 200 times its size; unsupported for another compression.
std::shared_ptr<ImageSource> open_tarballs(const std::vector<std::string>& files, const Platform& platform);

}  // namespace osb::oci
