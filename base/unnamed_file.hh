// Temporary files without a name.
#pragma once

#include <string>

#include "base/fd.hh"

namespace osb {

// Creates a file without a name in $TMPDIR, or else in /var/tmp or /tmp, for reading and writing.
// Nothing remains of it when the program ends. Throws Error{io, no_space} naming the directory.
Fd open_unnamed_file();

// Creates one in this directory, for reading and writing. On a filesystem without O_TMPFILE, a killed program
// may leave an empty file osb-oci-*. Throws Error{io, no_space} naming the directory.
Fd open_unnamed_file(const std::string& directory);

}  // namespace osb
