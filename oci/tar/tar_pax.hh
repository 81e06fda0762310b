// PAX extended headers (POSIX.1-2001, "pax Extended Header"): the records that affect an entry.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hh"

namespace osb::oci {

// The kind of sparse file that a PAX header declares.
enum class PaxSparse { none, map_in_header, map_in_data };

// The values of one extended header. An empty value leaves the ustar field unchanged, as in POSIX.
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

    // True if the header changes an entry in a way that the reader supports.
    bool changes_entries() const noexcept;
};

// Parses the records of one header of type 'x' or 'g'. If a keyword occurs twice, the last record wins.
// Ignores hdrcharset, because names are bytes. Throws Error{invalid} for malformed records and values, and
// for records that programs interpret differently: two sizes or two maps of a sparse file, or an attribute
// that only libarchive reads (LIBARCHIVE.xattr. without the same one as SCHILY.xattr.). Throws
// Error{unsupported} for unknown kinds of sparse files, Error{too_large} for more than max_xattrs attributes.
PaxHeader parse_pax_header(ByteView records, std::size_t max_xattrs);

}  // namespace osb::oci
