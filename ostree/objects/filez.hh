// The file format of archive repositories: a header, and the content in raw deflate (docs/import.md,
// "Objects"). libostree inflates it with zlib; this code uses the fastest decoder.
#pragma once

#include <memory>

#include "base/fd.hh"
#include "base/stream.hh"
#include "ostree/objects/object_reader.hh"

namespace osb::ostree {

// Opens a .filez file. The content, also that of an empty file, is not checked against a checksum. Throws
// Error{invalid} for a malformed header; read() of the content throws it for data that cannot be inflated or
// that ends before the size in the header.
ContentObject open_filez(Fd file);
// Reads only the header, without the content. Throws as open_filez().
ContentObject read_filez_header(const Fd& file);

}  // namespace osb::ostree
