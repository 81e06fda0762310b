// Writes an image as an archive of an image layout, in the format of `skopeo copy ... oci-archive:`.
#pragma once

#include <memory>
#include <string>

#include "oci/transports/image_sink.hh"

namespace osb::oci {

// file: a path, or "-" for standard output. tag: the name of the image in the layout, "" for none. The
// archive is written to FILE.tmp, which atomically replaces FILE when it is complete. A new writer overwrites
// the leftover of a killed one.
//
// A tar header has the size of the member, so each blob is first written to an unnamed file: beside FILE, or
// for standard output in $TMPDIR or else /var/tmp. Throws Error{io} if another process writes the same file;
// Error{no_space}.
std::unique_ptr<ImageSink> create_oci_archive_sink(const std::string& file, const std::string& tag);

}  // namespace osb::oci
