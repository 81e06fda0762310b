// An image written as an archive of an image layout, as `skopeo copy ... oci-archive:` writes it.
#pragma once

#include <memory>
#include <string>

#include "oci/transports/image_sink.hh"

namespace osb::oci {

// file: a path, or "-" for standard output. The archive is written to FILE.tmp, which takes the place of FILE
// when it is complete; what a killed writer left there is overwritten. tag: the image's name in the layout,
// "" for none.
//
// A blob is first written to a file without a name, beside FILE (for standard output in $TMPDIR or else
// /var/tmp): a tar header needs its size. Throws Error{io} when another process writes the same file;
// Error{no_space}.
std::unique_ptr<ImageSink> create_oci_archive_sink(const std::string& file, const std::string& tag);

}  // namespace osb::oci
