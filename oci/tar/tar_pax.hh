// PAX extended headers (POSIX.1-2001, "pax Extended Header"): the records that bear on an entry.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hh"

namespace osb::oci {

// How a PAX header says that the entry is a sparse file.
enum class PaxSparse { none, map_in_header, map_in_data };

// What one extended header sets. An empty value leaves the ustar field as it is, as in POSIX.
struct PaxHeader {
    std::optional<std::string> path;
    std::optional<std::string> link_path;
    std::optional<std::uint64_t> size;
    std::optional<std::uint64_t> uid;
    std::optional<std::uint64_t> gid;
    std::vector<std::pair<std::string, std::string>> xattrs;  // sorted by name, no duplicates

    PaxSparse sparse = PaxSparse::none;
    std::optional<std::string> sparse_name;    // the entry's real path
    std::optional<std::uint64_t> sparse_size;  // its apparent size
    std::vector<std::uint64_t> sparse_map;     // map_in_header: offset, length, offset, length, ...

    // Whether it changes anything of an entry that is read here.
    bool changes_entries() const noexcept;
};

// Reads the records of one header of type 'x' or 'g'. Of a keyword that comes twice the last record counts.
// hdrcharset is ignored: names are bytes. Throws Error{invalid} for malformed records and values, and for
// those that programs read differently: two sizes or two maps of a sparse file; an attribute that only
// libarchive reads, LIBARCHIVE.xattr., without the same one as SCHILY.xattr. Throws Error{unsupported} for
// unknown kinds of sparse files, Error{too_large} for more than max_xattrs.
PaxHeader parse_pax_header(ByteView records, std::size_t max_xattrs);

}  // namespace osb::oci
