// Tar archives, as our reader and libarchive see them: what both take they must see in the same way
// (docs/adr/0001-own-tar-reader.md lists where they differ on purpose).
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "base/bytes.hh"
#include "tests/fuzz/tar_mutator.hh"
#include "tests/support/tar_witness.hh"

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return osb::fuzz::mutate_tar(data, size, max_size, seed, 0);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::optional<std::string> difference = osb::test::tar_difference(osb::as_text({data, size}));
    if (!difference) return 0;
    std::fputs(difference->c_str(), stderr);
    std::abort();
}
