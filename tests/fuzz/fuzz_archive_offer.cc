// The paths that a client may ask the server of `push ssh://` for: what is found belongs to the commit that
// is pushed, and lies in the repository under that very name. The first byte says whether it is a probe.
#include <cstdint>
#include <filesystem>
#include <string>

#include "ostree/push/archive_offer.hh"
#include "tests/fuzz/fuzz_support.hh"
#include "tests/support/golden_commit.hh"
#include "tests/support/temp_directory.hh"

namespace {

using namespace osb;
using fuzz::require;

// A commit to offer, for the life of the process.
struct Harness {
    test::TempDirectory directory;
    std::string top = directory / "repo";
    test::GoldenCommits commits = test::make_golden_repository(top);
    ostree::Repository repository = ostree::Repository::open(top);
    ostree::ArchiveOffer offer{repository};
    ostree::ArchiveOffer probe{repository};

    Harness() {
        offer.set(ostree::RefName::parse("golden"), ostree::CommitId::parse(commits.second), false);
        probe.set(ostree::RefName::parse("golden"), ostree::CommitId::parse(commits.second), true);
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Harness harness;
    if (size == 0) return 0;
    const bool is_probe = data[0] % 2 == 0;
    const std::string path(as_text({data + 1, size - 1}));
    const auto file = (is_probe ? harness.probe : harness.offer).find(path);
    if (!file) return 0;
    require(!file->bytes.empty() || file->size > 0);
    if (path == "config" || path == "summary" || path == "refs/heads/golden") {
        require(!file->is_object);
        return 0;
    }
    require(!is_probe && file->is_object && path.starts_with("objects/"));
    require(path.find("/.") == std::string::npos && fuzz::is_printable(path));
    const std::string own = concat("objects/", harness.commits.second.substr(0, 2), '/',
                                   harness.commits.second.substr(2), ".commit");
    require(path.ends_with(".commit") ? path == own : std::filesystem::exists(harness.top + '/' + path));
    return 0;
}
