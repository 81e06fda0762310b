// The files of an archive repository: a header, and the content in raw deflate (docs/import.md, "Objects").
// libostree inflates them with zlib; this does it with whatever is fastest.
#pragma once

#include <memory>

#include "base/fd.hh"
#include "base/stream.hh"
#include "ostree/objects/object_reader.hh"

namespace osb::ostree {

// `file` is one, opened. The content of what is returned is not checked against any checksum, and that of an
// empty file is there, too. Throws Error{invalid} for a malformed header, as the content's read() does for
// what cannot be inflated or ends before the size that the header says.
ContentObject open_filez(Fd file);

}  // namespace osb::ostree
