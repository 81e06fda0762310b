// Where an archive is written that the user names by a path.
#pragma once

#include <string>

namespace osb::oci {

struct ArchiveOutput {
    // "-" for standard output, under whatever name it was given; otherwise a path. If it is a regular file or
    // a new one, then without symbolic links in the last component.
    std::string file;
    // A FIFO, a device or an open file: it is written as it is. Anything else is replaced when the archive is
    // complete.
    bool is_stream = false;
};

// Finds what `file` names ("-", "/dev/stdout", "/dev/fd/3", a FIFO, a link to a file). A rename would put a
// file in place of these. Throws Error{io} for a directory, a block device and a file that cannot be
// examined.
ArchiveOutput find_archive_output(const std::string& file);

}  // namespace osb::oci
