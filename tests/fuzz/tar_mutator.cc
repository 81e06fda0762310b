#include "tests/fuzz/tar_mutator.hh"

#include <algorithm>
#include <numeric>
#include <string>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace osb::fuzz {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kSize = 124;
constexpr std::size_t kSizeLength = 12;
constexpr std::size_t kChecksum = 148;
constexpr std::size_t kChecksumLength = 8;
constexpr std::size_t kType = 156;

// As far as a walk needs it; what is malformed counts as none.
std::uint64_t size_of(const std::uint8_t* header) {
    std::uint64_t out = 0;
    if ((header[kSize] & 0x80U) != 0) {
        for (std::size_t i = 4; i < kSizeLength; ++i) out = out << 8U | header[kSize + i];
        return out;
    }
    for (std::size_t i = 0; i < kSizeLength; ++i) {
        const std::uint8_t c = header[kSize + i];
        if (c >= '0' && c <= '7') out = out * 8 + (c - '0');
    }
    return out;
}

// Symbolic links, devices and directories have none, whatever their header says.
bool has_content(std::uint8_t type) {
    return type < '2' || type > '6';
}

void make_checksum(std::uint8_t* header) {
    std::fill_n(header + kChecksum, kChecksumLength, std::uint8_t{' '});
    unsigned sum = std::accumulate(header, header + kBlock, 0U);
    header[kChecksum + 6] = 0;
    for (std::size_t i = 6; i-- > 0; sum /= 8)
        header[kChecksum + i] = static_cast<std::uint8_t>('0' + sum % 8);
}

}  // namespace

void repair_checksums(std::uint8_t* data, std::size_t size, RepairHeader repair) {
    while (size >= kBlock) {
        if (std::all_of(data, data + kBlock, [](std::uint8_t byte) { return byte == 0; })) return;
        const std::uint64_t content = has_content(data[kType]) ? size_of(data) : 0;
        const std::size_t there = std::min<std::uint64_t>(content, size - kBlock);
        if (repair != nullptr) repair(data, {reinterpret_cast<const char*>(data + kBlock), there});
        make_checksum(data);
        const std::uint64_t padded = content / kBlock * kBlock + (content % kBlock == 0 ? 0 : kBlock);
        if (padded > size - kBlock) return;
        data += kBlock + padded;
        size -= kBlock + static_cast<std::size_t>(padded);
    }
}

std::size_t mutate_tar(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed,
                       std::size_t prefix, RepairHeader repair) {
    constexpr unsigned kBroken = 4;
    size = LLVMFuzzerMutate(data, size, max_size);
    if (seed % kBroken != 0 && size > prefix) repair_checksums(data + prefix, size - prefix, repair);
    return size;
}

}  // namespace osb::fuzz
