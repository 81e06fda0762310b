// Tar archives: read whole, then in small pieces of lengths that the input itself decides; both must say the
// same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.hh"
#include "base/hash.hh"
#include "oci/tar/tar_reader.hh"
#include "tests/fuzz/tar_mutator.hh"

namespace {

using namespace osb;

// Reads of 1 to max bytes.
class ChoppySource final : public Source {
  public:
    ChoppySource(ByteView bytes, std::size_t max) : rest_(bytes), max_(max) {}

    std::size_t read(MutableBytes buffer) override {
        state_ = state_ * 6364136223846793005U + 1442695040888963407U;
        const std::size_t step = 1 + static_cast<std::size_t>(state_ >> 33U) % max_;
        const std::size_t n = std::min({buffer.size(), rest_.size(), step});
        std::copy_n(rest_.begin(), n, buffer.begin());
        rest_ = rest_.subspan(n);
        return n;
    }

  private:
    ByteView rest_;
    std::size_t max_;
    std::uint64_t state_ = 1;
};

void require(bool condition) {
    if (!condition) std::abort();
}

void check(const oci::TarEntry& entry, const oci::TarLimits& limits) {
    require(!entry.path.empty() && entry.path.size() <= limits.max_path);
    require(entry.path.find('\0') == std::string::npos);
    require(entry.link_target.size() <= limits.max_path);
    require(entry.link_target.find('\0') == std::string::npos);
    require(entry.mode <= 07777 && entry.uid != UINT32_MAX && entry.gid != UINT32_MAX);
    require(entry.size <= limits.max_file_size);
    require(entry.xattrs.size() <= limits.max_xattrs);
    for (std::size_t i = 1; i < entry.xattrs.size(); ++i)
        require(entry.xattrs[i - 1].first < entry.xattrs[i].first);
}

// Everything that was read, as one digest.
std::string read_archive(ByteView bytes, std::size_t max_read, std::size_t buffer_size) {
    oci::TarLimits limits;
    limits.max_file_size = 1UL << 20U;
    limits.max_sparse_regions = 1000;
    limits.max_extension = 1UL << 16U;
    limits.max_xattrs = 16;
    Hasher hasher;
    std::string buffer(buffer_size, '\0');
    const MutableBytes target(reinterpret_cast<std::uint8_t*>(buffer.data()), buffer.size());
    ChoppySource source(bytes, max_read);
    oci::TarReader reader(source, limits);
    try {
        oci::TarEntry entry;
        while (reader.next(entry)) {
            check(entry, limits);
            require(reader.header_offset() < reader.data_offset() && reader.data_offset() <= bytes.size());
            hasher.update(concat(static_cast<int>(entry.type), ' ', entry.path, ' ', entry.link_target, ' ',
                                 entry.mode, ' ', entry.uid, ' ', entry.gid, ' ', entry.size, ' ',
                                 reader.data_offset(), ' '));
            for (const auto& [name, value] : entry.xattrs) hasher.update(concat(name, '=', value));
            std::uint64_t size = 0;
            while (const std::size_t n = reader.read(target)) {
                hasher.update(target.first(n));
                size += n;
            }
            require(size == entry.size);
        }
        hasher.update(concat("end ", reader.drain()));
    } catch (const Error& error) {
        require(error.kind() == ErrorKind::invalid || error.kind() == ErrorKind::too_large ||
                error.kind() == ErrorKind::unsupported);
        hasher.update(error.message());
    }
    return hasher.finish_hex();
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return fuzz::mutate_tar(data, size, max_size, seed, 0);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView bytes(data, size);
    const std::string whole = read_archive(bytes, 1UL << 20U, 100000);
    // The contents of a truncated file may be seen in part, in pieces of any size; their sum is the same.
    require(read_archive(bytes, 700, 100000) == whole);
    require(read_archive(bytes, 5, 333) == whole);
    return 0;
}
