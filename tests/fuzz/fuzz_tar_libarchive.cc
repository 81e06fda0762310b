// Tar archives, as our reader and libarchive see them: what ours takes, libarchive must see in the same way
// (docs/adr/0001-own-tar-reader.md lists where they differ on purpose).
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/bytes.hh"
#include "tests/fuzz/tar_mutator.hh"
#include "tests/support/tar_witness.hh"

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return osb::fuzz::mutate_tar(data, size, max_size, seed, 0);
}

// What both have seen is the same. libarchive may refuse more than we do: what it had read until then counts,
// but for the entry at which it stopped.
static std::string difference_of(std::string_view archive) {
    const osb::test::TarView ours = osb::test::view_by_osb(archive);
    if (!ours.error.empty()) return {};
    const osb::test::TarView theirs = osb::test::view_by_libarchive(archive);
    const bool refused = !theirs.error.empty();
    const std::size_t seen = theirs.entries.size() - (refused && !theirs.entries.empty() ? 1 : 0);
    for (std::size_t i = 0; i < std::max(ours.entries.size(), seen); ++i) {
        if (refused && i >= seen) break;
        const std::string here = i < ours.entries.size() ? ours.entries[i] : "no more entries";
        const std::string there = i < seen ? theirs.entries[i] : "no more entries";
        if (here != there) return osb::concat("here:       ", here, "\nlibarchive: ", there, '\n');
    }
    return {};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string difference = difference_of(osb::as_text({data, size}));
    if (difference.empty()) return 0;
    std::fputs(difference.c_str(), stderr);
    std::abort();
}
