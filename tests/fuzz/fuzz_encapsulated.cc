// Layers of images that hold an ostree commit. The first byte says whether the layer is the first of its
// image, the rest is its archive.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/hash.hh"
#include "oci/tar/tar_reader.hh"
#include "ostree/import/encapsulated_layer.hh"
#include "ostree/import/held_commit.hh"
#include "tests/fuzz/repository_harness.hh"
#include "tests/fuzz/tar_mutator.hh"

namespace {

using namespace osb;
using fuzz::require;

fuzz::RepositoryHarness& harness() {
    static fuzz::RepositoryHarness instance;
    return instance;
}

// The bytes of the path in a header: ustar's prefix, a '/', and the name.
std::vector<std::uint8_t*> path_of(std::uint8_t* header) {
    constexpr std::size_t kName = 100;
    constexpr std::size_t kPrefix = 345;
    constexpr std::size_t kPrefixLength = 155;
    static std::uint8_t slash;
    slash = '/';  // whatever was written there
    std::vector<std::uint8_t*> out;
    for (std::size_t i = 0; i < kPrefixLength && header[kPrefix + i] != 0; ++i)
        out.push_back(header + kPrefix + i);
    if (!out.empty()) out.push_back(&slash);
    for (std::size_t i = 0; i < kName && header[i] != 0; ++i) out.push_back(header + i);
    return out;
}

// A metadata object gets the name that its content asks for: else none but the seeds' own would pass.
void name_by_content(std::uint8_t* header, std::string_view content) {
    constexpr std::string_view kObjects = "sysroot/ostree/repo/objects/";
    constexpr std::size_t kLoose = 66;  // XX/<62 digits>.
    const std::vector<std::uint8_t*> places = path_of(header);
    std::string path;
    for (const std::uint8_t* place : places) path += static_cast<char>(*place);
    const std::size_t at = path.find(kObjects);
    if (at == std::string::npos || path.size() < at + kObjects.size() + kLoose) return;
    const std::string suffix = path.substr(at + kObjects.size() + kLoose);
    if (suffix != "commit" && suffix != "dirtree" && suffix != "dirmeta") return;
    std::string hex = to_hex(sha256(as_bytes(content)));
    hex.insert(2, 1, '/');
    for (std::size_t i = 0; i < hex.size(); ++i)
        *places[at + kObjects.size() + i] = static_cast<std::uint8_t>(hex[i]);
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return fuzz::mutate_tar(data, size, max_size, seed, 1, name_by_content);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const bool holds_commit = (data[0] & 1U) != 0;
    const oci::Digest digest = oci::Digest::of({data + 1, size - 1});
    ostree::Encapsulated out;
    ostree::Layer record(digest, holds_commit ? ostree::LayerKind::commit : ostree::LayerKind::objects);
    const bool taken = fuzz::accepts([&] {
        harness().run([&](ostree::ObjectWriter& writer, TaskPool& pool) {
            MemorySource source({data + 1, size - 1});
            oci::TarReader tar(source);
            ostree::ImageBudget budget(
                {.max_entries = 2000, .max_memory = 1UL << 22U, .free_bytes = 1UL << 22U});
            ostree::LayerMeter meter(budget);
            NoProgress progress;
            ostree::EncapsulatedLayerReader({tar, meter}, {writer, pool, progress, budget}, out, holds_commit,
                                            &record)
                .read_all();
        });
    });
    ostree::Encapsulated held;
    const bool begins_with_commit = fuzz::accepts([&] {
        MemorySource source({data + 1, size - 1});
        held = ostree::read_held_commit(source);
    });
    if (begins_with_commit)
        require(ostree::CommitId(sha256(as_bytes(held.commit_object))) == held.commit.value());
    if (!taken) return 0;
    // What is verified before the layer is read is what is stored then.
    if (begins_with_commit && holds_commit) {
        require(held.commit == out.commit);
        require(held.detached.empty() || held.detached == out.detached);
    }
    require(holds_commit == out.commit.has_value());
    require(holds_commit || out.detached.empty());
    if (holds_commit) require(ostree::CommitId(sha256(as_bytes(out.commit_object))) == *out.commit);
    fuzz::check_entries(record);
    return 0;
}
