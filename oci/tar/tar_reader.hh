// Reads a tar archive as a stream of entries. Supports ustar, PAX (POSIX.1-2001) and GNU, including long
// names, large numbers and sparse files, as layer.md of the image specification allows them.
//
// It does not use a library, because layers are hostile input. All limits are explicit. Malformed extensions
// are errors instead of being skipped. Archives that two programs would read differently are rejected. Names
// are bytes, whatever the locale. Content is not copied twice. The tests compare it with libarchive and GNU
// tar (docs/adr/0001-own-tar-reader.md).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/stream.hh"

namespace osb::oci {

enum class TarType { file, hardlink, symlink, character_device, block_device, directory, fifo };

// The metadata of an entry.
struct TarEntry {
    TarType type = TarType::file;
    std::string path;         // as in the archive: bytes, not normalised; never empty, no NUL
    std::string link_target;  // of hardlink and symlink
    std::uint32_t mode = 0;   // permission bits, setuid, setgid, sticky: 07777 at most
    std::uint32_t uid = 0;    // up to 2^32-2
    std::uint32_t gid = 0;
    std::uint64_t size = 0;   // apparent size of a file, holes included
    std::uint64_t holes = 0;  // bytes of `size` that are holes of a sparse file and not in the archive
    // Time of the last change in seconds since 1970, from the header block; 0 if it is malformed. A PAX time
    // is not read. TarWriter ignores it.
    std::int64_t time = 0;
    std::uint32_t device_major = 0;
    std::uint32_t device_minor = 0;
    std::vector<std::pair<std::string, std::string>> xattrs;  // name, value; sorted by name, no duplicates
};

// The limits of a reader.
struct TarLimits {
    std::uint64_t max_file_size = 1ULL << 40;        // apparent size of one file
    std::size_t max_extension = 1024UL * 1024;       // bytes of one PAX header or GNU long name
    std::size_t max_path = 4096;                     // bytes of a path or link target
    std::size_t max_sparse_regions = 1024UL * 1024;  // of one file
    std::size_t max_xattrs = 256;                    // of one entry
};

// Reads the entries of an archive in order. Not thread-safe. Errors are Error{invalid} and Error{too_large},
// with the name of the entry as context if it is known.
class TarReader {
  public:
    // `source` is borrowed and must outlive this object.
    explicit TarReader(Source& source, TarLimits limits = {});
    ~TarReader();
    TarReader(const TarReader&) = delete;
    TarReader& operator=(const TarReader&) = delete;

    // Reads the next entry and skips the unread content of the current one. Returns false at the end of the
    // archive: two zero blocks, or the end of the stream between two entries. The last block of the last
    // entry may be short. The entry is valid until the next call.
    bool next(TarEntry& entry);

    // Reads the content of the current file in order, with holes as zeros, to the front of buffer. Returns 0
    // at the end of the file. Throws Error{invalid} if the archive ends inside the content.
    std::size_t read(MutableBytes buffer);

    // Call it after next() has returned false. Reads the stream to its end and returns the number of bytes
    // other than zeros: garbage, or a second archive, which is ignored. Throws Error{invalid} if these bytes
    // may be the content of the last entry.
    std::uint64_t drain();

    // The offsets in the stream of the current entry's header block and content, to index an uncompressed
    // archive.
    std::uint64_t header_offset() const noexcept;
    std::uint64_t data_offset() const noexcept;
    // True if the current file is a sparse file, whose content is not stored as it is.
    bool is_sparse() const noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace osb::oci
