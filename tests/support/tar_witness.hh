// The tar reader's independent witness: the same archive read by oci::TarReader and by libarchive.
//
// A layer that two readers understand differently is an attack: a scanner approves one tree, and the machine
// boots another. What both readers take they must see in the same way; what one of them refuses shows nobody
// anything. docs/adr/0001-own-tar-reader.md lists where the two differ on purpose.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace osb::test {

// One reader's view of an archive.
struct TarView {
    struct Entry {
        // All that oci::TarEntry has but for the target of a link, and a checksum of the content. Doubled
        // slashes are one.
        std::string line;
        std::string link_target;
        bool is_whole = true;  // false: the reader refused the content

        std::string to_string() const;
    };
    std::vector<Entry> entries;
    std::string error;  // why the reader refused the archive; empty when it took it
};

// Files of more than this many bytes, holes included, are refused by our reader here.
inline constexpr std::uint64_t kMaxWitnessedFile = 1UL << 20U;

TarView view_by_osb(std::string_view archive);
TarView view_by_libarchive(std::string_view archive);

// How libarchive's view differs from that of our reader, for a person to read; nothing when they agree as far
// as both have taken the archive. `both_took_it`: set to whether that is all of it. May be null.
std::optional<std::string> tar_difference(std::string_view archive, bool* both_took_it = nullptr);

}  // namespace osb::test
