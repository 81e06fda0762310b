// A tar archive read as a stream of entries: ustar, PAX (POSIX.1-2001) and GNU, with their long names, large
// numbers and sparse files, as layer.md of the image specification allows them.
//
// It is our own because layers are hostile: every limit is ours, malformed extensions are refused and not
// skipped, what two programs read differently is refused, names are bytes whatever the locale, and nothing is
// copied twice. libarchive and GNU tar are its witnesses in the tests (docs/adr/0001-own-tar-reader.md).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/stream.hh"

namespace osb::oci {

enum class TarType { file, hardlink, symlink, character_device, block_device, directory, fifo };

struct TarEntry {
    TarType type = TarType::file;
    std::string path;         // as written: bytes, not normalised; never empty, no NUL
    std::string link_target;  // of hardlink and symlink
    std::uint32_t mode = 0;   // permission bits, setuid, setgid, sticky: 07777 at most
    std::uint32_t uid = 0;    // up to 2^32-2
    std::uint32_t gid = 0;
    std::uint64_t size = 0;   // apparent size of a file, holes included
    std::uint64_t holes = 0;  // how much of it is in the holes of a sparse file, and not in the archive
    std::uint32_t device_major = 0;
    std::uint32_t device_minor = 0;
    std::vector<std::pair<std::string, std::string>> xattrs;  // name, value; sorted by name, no duplicates
};

struct TarLimits {
    std::uint64_t max_file_size = 1ULL << 40;        // apparent size of one file
    std::size_t max_extension = 1024UL * 1024;       // bytes of one PAX header or GNU long name
    std::size_t max_path = 4096;                     // bytes of a path or link target
    std::size_t max_sparse_regions = 1024UL * 1024;  // of one file
    std::size_t max_xattrs = 256;                    // of one entry
};

// Reads the entries of an archive one after the other. Errors are Error{invalid} and Error{too_large}, with
// the entry's name as context where it is known.
class TarReader {
  public:
    // `source` is borrowed.
    explicit TarReader(Source& source, TarLimits limits = {});
    ~TarReader();
    TarReader(const TarReader&) = delete;
    TarReader& operator=(const TarReader&) = delete;

    // The next entry, skipping what was not read of the one before; false at the end of the archive: two zero
    // blocks, or the end of the stream between two entries. The last block of the last entry may be short.
    // The entry is valid until the next call.
    bool next(TarEntry& entry);

    // Reads the present file's content in order, holes as zeros, into the front of buffer; 0 at its end.
    // Throws Error{invalid} when the archive ends in the middle of it.
    std::size_t read(MutableBytes buffer);

    // After next() returned false: reads the stream to its end and returns how many bytes other than zeros
    // came (rubbish, or a second archive, which is not looked into). Throws Error{invalid} when those may be
    // the content of the last entry.
    std::uint64_t drain();

    // Where the present entry's header block begins in the stream, and its content, for an index of an
    // uncompressed archive.
    std::uint64_t header_offset() const noexcept;
    std::uint64_t data_offset() const noexcept;
    // Whether the present file has holes that are not stored: its content does not lie there as it is.
    bool is_sparse() const noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace osb::oci
