// Archives that the user names on the command line. Private to this room.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.hh"
#include "base/fd.hh"
#include "oci/documents/media_type.hh"

namespace osb::oci {

// Opens a file, or duplicates standard input for "-". Waits for the writer of a FIFO. Throws Error naming the
// file; Interrupted.
Fd open_input(const std::string& file);

// Throws Error{unsupported} with advice if the first bytes of an archive show bzip2, which docker supports
// but osb-oci does not.
void refuse_unknown_compression(ByteView head);

struct FileFormat {
    bool is_xz = false;
    Compression compression = Compression::none;  // if it is not xz

    bool is_plain() const noexcept { return !is_xz && compression == Compression::none; }
};

// Detects the compression of a regular file from its first bytes. Throws as refuse_unknown_compression().
FileFormat file_format(int fd, const std::string& name);

// Throws Error{too_large} if `stored` compressed bytes unpacked to `unpacked` bytes: more than 1 GiB plus 200
// times `stored`. Call it while the archive is unpacked.
void check_unpacked_size(std::uint64_t unpacked, std::uint64_t stored);

}  // namespace osb::oci
