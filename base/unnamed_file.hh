// Temporary files without a name.
#pragma once

#include "base/fd.hh"

namespace osb {

// Creates a file without a name in $TMPDIR, or else in /var/tmp or /tmp, for reading and writing. Nothing
// remains of it however the program ends. Throws Error{io, no_space} naming the directory.
Fd open_unnamed_file();

}  // namespace osb
