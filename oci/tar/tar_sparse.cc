#include "oci/tar/tar_sparse.hh"

#include <charconv>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::oci {
namespace {

// The header block has four entries, and each continuation block has 21. An entry is two numbers.
constexpr std::size_t kNumber = 12;
constexpr std::size_t kEntry = 2 * kNumber;
constexpr std::size_t kHeaderEntries = 386;
constexpr std::size_t kHeaderEntryCount = 4;
constexpr std::size_t kHeaderContinues = 482;
constexpr std::size_t kHeaderRealSize = 483;
constexpr std::size_t kBlockEntryCount = 21;
constexpr std::size_t kBlockContinues = 504;

std::uint64_t unsigned_number(ByteView field, std::string_view what) {
    const std::int64_t value = parse_tar_number(field, what);
    if (value < 0) throw Error(ErrorKind::invalid, concat(what, " is negative"));
    return static_cast<std::uint64_t>(value);
}

// Adds entries up to one that starts with NUL, which ends the list. Returns false if the list has ended.
bool add_entries(ByteView entries, SparseMap& map) {
    for (; entries.size() >= kEntry; entries = entries.subspan(kEntry)) {
        if (entries[0] == 0) return false;
        const std::uint64_t offset = unsigned_number(entries.first(kNumber), "the offset of a sparse region");
        map.add(offset, unsigned_number(entries.subspan(kNumber, kNumber), "the length of a sparse region"));
    }
    return true;
}

// Reads the lines of a PAX 1.0 map, which may cross block borders.
class MapLines {
  public:
    explicit MapLines(const NextBlock& next_block) : next_block_(next_block) {}

    std::uint64_t number() {
        char digits[20];
        std::size_t count = 0;
        for (;;) {
            if (rest_.empty()) {
                rest_ = as_text(next_block_());
                bytes_ += kTarBlock;
            }
            const char c = rest_.front();
            rest_.remove_prefix(1);
            if (c == '\n') break;
            if (count == sizeof digits)
                throw Error(ErrorKind::invalid, "a number of the sparse map is too long");
            digits[count++] = c;
        }
        return parse_tar_decimal({digits, count}, "a number of the sparse map");
    }

    std::uint64_t bytes() const noexcept { return bytes_; }

  private:
    const NextBlock& next_block_;
    std::string_view rest_;
    std::uint64_t bytes_ = 0;
};

}  // namespace

void SparseMap::begin(std::uint64_t apparent_size, std::size_t max_regions) {
    regions_.clear();
    apparent_size_ = apparent_size;
    stored_size_ = 0;
    end_ = 0;
    count_ = 0;
    max_regions_ = max_regions;
}

void SparseMap::add(std::uint64_t offset, std::uint64_t length) {
    if (++count_ > max_regions_)
        throw Error(ErrorKind::too_large, concat("a sparse file of more than ", max_regions_, " regions"));
    if (offset < end_)
        throw Error(ErrorKind::invalid, "the regions of the sparse map overlap or are out of order");
    if (offset > apparent_size_ || length > apparent_size_ - offset)
        throw Error(ErrorKind::invalid, "a region of the sparse map is outside the file");
    end_ = offset + length;
    stored_size_ += length;
    if (length > 0) regions_.push_back({offset, length});
}

std::uint64_t parse_tar_decimal(std::string_view text, std::string_view what) {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    // from_chars accepts no sign for an unsigned type. No number above 2^63 is meaningful in a tar archive.
    if (text.empty() || result.ec != std::errc() || result.ptr != end || (value >> 63U) != 0)
        throw Error(ErrorKind::invalid, concat(what, " is not a number in range: ", quoted(text)));
    return value;
}

std::int64_t old_gnu_real_size(TarBlock header) {
    return parse_tar_number(header.subspan(kHeaderRealSize, kNumber), "the size of the sparse file");
}

std::uint64_t read_old_gnu_map(TarBlock header, const NextBlock& next_block, SparseMap& map) {
    std::uint64_t blocks = 0;
    bool continues = header[kHeaderContinues] != 0;
    bool full = add_entries(header.subspan(kHeaderEntries, kHeaderEntryCount * kEntry), map);
    while (continues) {
        // Programs differ in how they read a list that continues after its end.
        if (!full) throw Error(ErrorKind::invalid, "the sparse map continues after its end");
        const TarBlock block = next_block();
        ++blocks;
        full = add_entries(block.first(kBlockEntryCount * kEntry), map);
        continues = block[kBlockContinues] != 0;
    }
    return blocks;
}

std::uint64_t read_pax_map(const NextBlock& next_block, SparseMap& map) {
    MapLines lines(next_block);
    for (std::uint64_t left = lines.number(); left > 0; --left) {
        const std::uint64_t offset = lines.number();
        map.add(offset, lines.number());
    }
    return lines.bytes();
}

}  // namespace osb::oci
