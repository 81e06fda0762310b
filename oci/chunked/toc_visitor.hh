// Reads a table of contents one entry at a time: a table of all entries needs a multiple of its memory.
#pragma once

#include <functional>

#include "oci/chunked/zstd_chunked_toc.hh"

namespace osb::oci {

// Calls visit() for each entry as soon as it is complete. Checks and throws as read_toc(), but entries that
// precede a malformed one were visited already.
void visit_toc(ByteView compressed, const TocLocation& location, const std::function<void(TocEntry)>& visit);

}  // namespace osb::oci
