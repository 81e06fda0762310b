// Archives that the user names on the command line. Private to this room.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.hh"
#include "base/fd.hh"
#include "oci/codec/decompress.hh"
#include "oci/documents/media_type.hh"

namespace osb::oci {

// Opens a file, or duplicates standard input for "-". Waits for the writer of a FIFO. Throws Error naming the
// file; Interrupted.
Fd open_input(const std::string& file);

// The compression of an archive. At most one member is not `none`.
struct FileFormat {
    UntypedCompression untyped = UntypedCompression::none;
    Compression compression = Compression::none;

    bool is_plain() const noexcept {
        return untyped == UntypedCompression::none && compression == Compression::none;
    }
};

// Detects the compression of a regular file from its first bytes.
FileFormat file_format(int fd, const std::string& name);

// Throws Error{too_large} if `stored` compressed bytes unpacked to `unpacked` bytes: more than 1 GiB plus 200
// times `stored`. Call it while the archive is unpacked.
void check_unpacked_size(std::uint64_t unpacked, std::uint64_t stored);

}  // namespace osb::oci
