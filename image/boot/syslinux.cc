#include "image/boot/syslinux.hh"

#include <algorithm>
#include <optional>
#include <span>

#include "base/byte_order.hh"
#include "base/error.hh"
#include "image/disk/partition_table.hh"

namespace osb::image {
namespace {

constexpr std::uint32_t kMagic = 0x3eb202fe;  // begins the patch area
constexpr std::size_t kAdvSectors = 2;
constexpr std::uint32_t kLoadAddress = 0x8000;

[[noreturn]] void unknown_form() {
    throw Error(ErrorKind::unsupported, "this version of SYSLINUX is not supported")
        .hint("versions 6.03 and 6.04 are supported");
}

// Reads and writes little-endian numbers at any position of a file, with bounds checks.
class Image {
  public:
    explicit Image(std::string& bytes) : bytes_(bytes) {}

    std::uint64_t get(std::size_t at, unsigned size) const {
        check(at, size);
        return from_little_endian(std::string_view(bytes_).substr(at, size));
    }
    void put(std::size_t at, unsigned size, std::uint64_t value) {
        check(at, size);
        put_little_endian(std::span(bytes_).subspan(at, size), value);
    }
    void put_text(std::size_t at, std::string_view text) {
        check(at, text.size());
        std::copy(text.begin(), text.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(at));
    }
    std::size_t size() const noexcept { return bytes_.size(); }

  private:
    void check(std::size_t at, std::size_t size) const {
        if (at > bytes_.size() || size > bytes_.size() - at) unknown_form();
    }
    std::string& bytes_;
};

// Offsets of the fields of the patch area from the magic number (libinstaller/syslxint.h), and of the
// extended patch area.
namespace patch {
constexpr std::size_t kDataSectors = 8;
constexpr std::size_t kAdvSectorCount = 10;
constexpr std::size_t kDwords = 12;
constexpr std::size_t kChecksum = 16;
constexpr std::size_t kExtended = 22;
}  // namespace patch
namespace extended {
constexpr std::size_t kAdvPointers = 0;
constexpr std::size_t kDirectory = 2;
constexpr std::size_t kDirectoryLength = 4;
constexpr std::size_t kSectorPointers = 10;
constexpr std::size_t kSectorPointerCount = 12;
constexpr std::size_t kFirstSectorLow = 14;
constexpr std::size_t kFirstSectorHigh = 16;
}  // namespace extended

std::vector<std::uint64_t> sectors_of(const std::vector<Extent>& extents, std::size_t count) {
    constexpr std::uint64_t kPerBlock = kBlockSize / kSectorSize;
    std::vector<std::uint64_t> out;
    for (const Extent& extent : extents) {
        for (std::uint64_t i = 0; i < extent.blocks * kPerBlock && out.size() < count; ++i) {
            out.push_back(extent.disk_block * kPerBlock + i);
        }
    }
    if (out.size() < count) throw Error(ErrorKind::internal, "the bootloader's file is too short");
    return out;
}

// A run of sectors that the loader reads at once: consecutive, below 64 KiB, and within one 64 KiB segment of
// memory.
struct SectorRun {
    std::uint64_t first = 0;
    std::uint16_t count = 0;
};

std::vector<SectorRun> runs_of(const std::vector<std::uint64_t>& sectors, std::size_t begin,
                               std::size_t end) {
    constexpr std::uint32_t kSegment = 0x10000;
    std::vector<SectorRun> out;
    std::uint32_t address = kLoadAddress;
    std::uint32_t run_address = address;
    for (std::size_t i = begin; i < end; ++i, address += kSectorSize) {
        if (!out.empty()) {
            SectorRun& run = out.back();
            const std::uint32_t bytes = (run.count + 1U) * static_cast<std::uint32_t>(kSectorSize);
            const bool one_segment = run_address / kSegment == (run_address + bytes - 1) / kSegment;
            if (sectors[i] == run.first + run.count && bytes < kSegment && one_segment) {
                ++run.count;
                continue;
            }
        }
        out.push_back({sectors[i], 1});
        run_address = address;
    }
    return out;
}

std::size_t find_patch_area(const Image& image) {
    constexpr std::size_t kSearched = 1024;
    for (std::size_t at = 0; at < kSearched; at += 4) {
        if (image.get(at, 4) == kMagic) return at;
    }
    unknown_form();
}

// Copies the jump and the code from the boot sector for FAT. The numbers between them describe the disk.
std::string ext_boot_sector(const std::string& fat, const SyslinuxPlace& place) {
    constexpr std::size_t kCode = 90;
    constexpr std::size_t kHead = 11;
    if (fat.size() != kSectorSize) unknown_form();
    std::string out(kSectorSize, '\0');
    std::copy_n(fat.begin(), kHead, out.begin());
    std::copy(fat.begin() + kCode, fat.end(), out.begin() + kCode);
    Image image(out);
    const std::uint64_t sectors = place.partition_size / kSectorSize;
    constexpr std::uint64_t kSectorsPerTrack = 63;
    constexpr std::uint64_t kHeads = 255;
    image.put(11, 2, kSectorSize);
    image.put(19, 2, sectors < 65536 ? sectors : 0);
    image.put(24, 2, kSectorsPerTrack);
    image.put(26, 2, kHeads);
    image.put(28, 4, place.partition_start / kSectorSize);
    image.put(32, 4, sectors);
    return out;
}

void put_checksum(Image& image, std::size_t area, std::size_t dwords) {
    image.put(area + patch::kChecksum, 4, 0);
    auto sum = kMagic;
    for (std::size_t i = 0; i < dwords; ++i) sum -= static_cast<std::uint32_t>(image.get(i * 4, 4));
    image.put(area + patch::kChecksum, 4, sum);
}

}  // namespace

InstalledSyslinux place_syslinux(const SyslinuxFiles& files, const SyslinuxPlace& place) {
    InstalledSyslinux out{.boot_sector = ext_boot_sector(files.boot_sector, place), .loader = files.loader};
    Image image(out.loader);
    Image boot_sector(out.boot_sector);
    const std::size_t total = image.size() / kSectorSize;
    if (image.size() % kSectorSize != 0 || total <= kAdvSectors + 1) unknown_form();
    const std::size_t data = total - kAdvSectors;
    const std::vector<std::uint64_t> sectors = sectors_of(place.extents, total);

    const std::size_t area = find_patch_area(image);
    const std::size_t more = image.get(area + patch::kExtended, 2);
    const auto pointer = [&](std::size_t field) { return image.get(more + field, 2); };
    boot_sector.put(pointer(extended::kFirstSectorLow), 4, sectors[0] & 0xFFFFFFFFU);
    boot_sector.put(pointer(extended::kFirstSectorHigh), 4, sectors[0] >> 32U);
    // The number of 32-bit words, without the data vector: the installer's data there stays.
    const std::size_t dwords = image.get(area + patch::kDwords, 4);
    image.put(area + patch::kDataSectors, 2, data);
    image.put(area + patch::kAdvSectorCount, 2, kAdvSectors);

    const std::vector<SectorRun> runs = runs_of(sectors, 1, data);
    const std::size_t room = pointer(extended::kSectorPointerCount);
    if (runs.size() > room) throw Error(ErrorKind::internal, "the bootloader's file is in too many pieces");
    std::size_t at = pointer(extended::kSectorPointers);
    for (std::size_t i = 0; i < room; ++i, at += 10) {
        image.put(at, 8, i < runs.size() ? runs[i].first : 0);
        image.put(at + 8, 2, i < runs.size() ? runs[i].count : 0);
    }
    const std::size_t adv = pointer(extended::kAdvPointers);
    image.put(adv, 8, sectors[data]);
    image.put(adv + 8, 8, sectors[data + 1]);
    if (place.directory.size() + 1 > pointer(extended::kDirectoryLength)) {
        throw Error(ErrorKind::internal, "the bootloader's directory has too long a name");
    }
    image.put_text(pointer(extended::kDirectory), place.directory + '\0');
    put_checksum(image, area, dwords);
    return out;
}

}  // namespace osb::image
