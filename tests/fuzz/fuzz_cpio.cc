// The cpio archives of an initramfs, with their compressed parts.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "image/lint/cpio.hh"
#include "image/lint/initramfs.hh"
#include "tests/fuzz/fuzz_support.hh"

namespace {

using namespace osb;
using fuzz::require;
using image::CpioEntry;

// Returns pieces of a few bytes, as a decompressor may.
class SlowSource final : public Source {
  public:
    explicit SlowSource(ByteView bytes) : inner_(bytes) {}
    std::size_t read(MutableBytes buffer) override {
        constexpr std::size_t kMost = 7;
        return inner_.read(buffer.first(std::min(buffer.size(), kMost)));
    }

  private:
    MemorySource inner_;
};

std::vector<std::string> list(Source& source, bool& accepted) {
    std::vector<std::string> out;
    accepted = fuzz::accepts([&] {
        image::read_initramfs(source, [&](const CpioEntry& entry) {
            require(entry.name.size() < image::kMaxCpioName && !entry.name.starts_with('/'));
            out.push_back(entry.name);
            return true;
        });
    });
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t kMostBytes = 64UL * 1024;  // a small input may unpack to many entries
    const ByteView bytes(data, std::min(size, kMostBytes));
    bool accepted = false;
    bool accepted_slowly = false;
    MemorySource source(bytes);
    SlowSource slow(bytes);
    const std::vector<std::string> names = list(source, accepted);
    // The sizes of reads change nothing. (A damaged part may end earlier or later.)
    const std::vector<std::string> slow_names = list(slow, accepted_slowly);
    require(accepted == accepted_slowly && (!accepted || slow_names == names));

    MemorySource again(bytes);
    const image::InitramfsFacts facts = image::read_initramfs_facts(again);
    require(fuzz::is_printable(facts.problem));
    require(accepted || !facts.problem.empty() || (facts.init_is_program && facts.has_prepare_root));
    return 0;
}
