// tar-split data of a layer: its lines, and the archive that they and contents of any length give.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "base/error.hh"
#include "oci/tar/tar_split_reader.hh"

namespace {

using namespace osb;  // NOLINT(google-build-using-namespace): one file, which is a program

constexpr std::uint64_t kMaxContent = 1000;

// Zeros, fewer than are asked for if that is a lot.
class Zeros final : public Source {
  public:
    explicit Zeros(std::uint64_t left) : left_(left) {}
    std::size_t read(MutableBytes buffer) override {
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left_));
        std::fill_n(buffer.begin(), n, std::uint8_t{0});
        left_ -= n;
        return n;
    }

  private:
    std::uint64_t left_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::uint64_t contents = 0;
    MemorySource lines({data, size});
    oci::RebuiltArchive archive(lines, [&contents](const std::string& /*name*/, std::uint64_t wanted) {
        if (wanted == 0) std::abort();
        contents += std::min(wanted, kMaxContent);
        return std::make_unique<Zeros>(std::min(wanted, kMaxContent));
    });
    try {
        const std::string bytes = read_all(archive, 1UL << 24U, "an archive");
        if (bytes.size() > size + contents || bytes.size() < contents) std::abort();
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): refused input is what most of it is
    }
    return 0;
}
