#include "image/disk/probe.hh"

#include <blkid.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <system_error>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "image/disk/byte_size.hh"
#include "image/disk/disk_area.hh"

namespace osb::image {
namespace {

struct ProbeDeleter {
    void operator()(blkid_struct_probe* probe) const noexcept { blkid_free_probe(probe); }
};

std::string lookup(blkid_probe probe, const char* name) {
    const char* value = nullptr;
    if (blkid_probe_lookup_value(probe, name, &value, nullptr) != 0 || value == nullptr) return {};
    return value;
}

std::string describe_filesystem(const std::string& type, const std::string& label, const std::string& uuid) {
    return concat(escape(type), " labelled ", quoted(label), " with the UUID ", quoted(uuid));
}

// Recognises content by its signatures.
std::string known_content(int fd) {
    const std::unique_ptr<blkid_struct_probe, ProbeDeleter> probe(blkid_new_probe());
    if (!probe || blkid_probe_set_device(probe.get(), fd, 0, 0) != 0) return {};
    blkid_probe_enable_superblocks(probe.get(), 1);
    blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL);
    blkid_probe_enable_partitions(probe.get(), 1);
    const int found = blkid_do_safeprobe(probe.get());
    if (found == -2) return "several filesystems or partition tables";
    if (found != 0) return {};
    const std::string table = lookup(probe.get(), "PTTYPE");
    if (!table.empty()) return concat("a partition table (", escape(table), ')');
    const std::string label = lookup(probe.get(), "LABEL");
    return concat("a filesystem (", escape(lookup(probe.get(), "TYPE")), ')',
                  label.empty() ? "" : " labelled " + quoted(label));
}

struct Signature {
    std::string_view kind;
    std::uint64_t offset;  // in bytes
    std::string_view bytes;
};

// The signatures that BusyBox (util-linux/volume_id) checks before ext4. Swap has its signature at the end of
// a page, of any page size.
constexpr std::array kBeforeExt4{
    Signature{"crypto_LUKS", 0, {"LUKS\xba\xbe", 6}},
    Signature{"xfs", 0, "XFSB"},
    Signature{"vfat", 54, "FAT12   "},
    Signature{"vfat", 54, "FAT16   "},
    Signature{"vfat", 54, "MSDOS"},
    Signature{"vfat", 82, "FAT32   "},
    Signature{"vfat", 82, "MSWIN"},
    Signature{"LVM2_member", 0, "LABELONE"},
    Signature{"LVM2_member", 512, "LABELONE"},
    Signature{"LVM2_member", 1024, "LABELONE"},
    Signature{"LVM2_member", 1536, "LABELONE"},
    Signature{"swap", 4096 - 10, "SWAPSPACE2"},
    Signature{"swap", 8192 - 10, "SWAPSPACE2"},
    Signature{"swap", 16384 - 10, "SWAPSPACE2"},
    Signature{"linux_raid_member", 0, {"\xfc\x4e\x2b\xa9", 4}},
    Signature{"linux_raid_member", 4096, {"\xfc\x4e\x2b\xa9", 4}},
};

// Returns the signature that is found before ext4; "" if there is none.
std::string seen_before_ext4(int fd, std::uint64_t offset, std::uint64_t size) {
    constexpr std::size_t kLooked = 16384;
    std::string head(std::min<std::uint64_t>(size, kLooked), '\0');
    const DiskArea area(fd, offset, size, false, "the partition");
    area.read(0, {reinterpret_cast<std::uint8_t*>(head.data()), head.size()});  // NOLINT: bytes
    for (const Signature& signature : kBeforeExt4) {
        const std::string_view there = std::string_view(head).substr(
            std::min<std::uint64_t>(signature.offset, head.size()), signature.bytes.size());
        if (there == signature.bytes) return std::string(signature.kind);
    }
    return {};
}

std::string found_filesystem(int fd, std::uint64_t offset, std::uint64_t size) {
    const std::unique_ptr<blkid_struct_probe, ProbeDeleter> probe(blkid_new_probe());
    if (!probe || blkid_probe_set_device(probe.get(), fd, static_cast<blkid_loff_t>(offset),
                                         static_cast<blkid_loff_t>(size)) != 0) {
        return "nothing";
    }
    blkid_probe_enable_superblocks(probe.get(), 1);
    blkid_probe_set_superblocks_flags(probe.get(),
                                      BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID);
    const int found = blkid_do_safeprobe(probe.get());
    if (found == -2) return "several filesystems";
    if (found != 0) return "nothing";
    return describe_filesystem(lookup(probe.get(), "TYPE"), lookup(probe.get(), "LABEL"),
                               lookup(probe.get(), "UUID"));
}

bool is_zero(int fd, off_t from, off_t to) {
    std::vector<char> buffer(kMebibyte);
    while (from < to) {
        check_interrupt();
        const auto want = std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(to - from));
        const ssize_t n = ::pread(fd, buffer.data(), want, from);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw_errno("cannot read the target");
        if (n == 0) break;
        if (std::any_of(buffer.begin(), buffer.begin() + n, [](char c) { return c != '\0'; })) return false;
        from += n;
    }
    return true;
}

// Skips holes.
bool is_empty_file(int fd) {
    off_t at = 0;
    while (true) {
        const off_t data = ::lseek(fd, at, SEEK_DATA);
        if (data < 0) return errno == ENXIO;
        off_t hole = ::lseek(fd, data, SEEK_HOLE);
        if (hole < 0) hole = ::lseek(fd, 0, SEEK_END);
        if (!is_zero(fd, data, hole)) return false;
        at = hole;
    }
}

std::string block_directory(const struct stat& st) {
    return concat("/sys/dev/block/", major(st.st_rdev), ':', minor(st.st_rdev));
}

std::string first_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// Returns the numbers ("8:1") of the device and its partitions.
std::vector<std::string> device_numbers(const std::string& sys) {
    std::vector<std::string> out{first_line(sys + "/dev")};
    std::error_code error;
    for (std::filesystem::directory_iterator entry(sys, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string path = entry->path();
        if (std::filesystem::exists(path + "/partition", error)) out.push_back(first_line(path + "/dev"));
    }
    return out;
}

}  // namespace

std::string describe_content(int fd, bool whole_file) {
    std::string known = known_content(fd);
    if (!known.empty()) return known;
    const bool empty = whole_file ? is_empty_file(fd) : is_zero(fd, 0, kMebibyte);
    return empty ? "" : "data of an unknown kind";
}

void check_filesystem(int fd, std::uint64_t offset, std::uint64_t size, const ExpectedFilesystem& expected,
                      const std::string& name) {
    const std::string wanted = describe_filesystem("ext4", expected.label, to_string(expected.uuid));
    std::string found = found_filesystem(fd, offset, size);
    if (found == wanted) found = seen_before_ext4(fd, offset, size);
    if (found.empty()) return;
    throw Error(ErrorKind::io, concat(name, " reads as ", found, " after it was written as ", wanted))
        .hint("check the target: it may have lost a write");
}

std::string describe_mounts(int fd) {
    struct stat st {};
    if (::fstat(fd, &st) != 0 || !S_ISBLK(st.st_mode)) return {};
    const std::vector<std::string> numbers = device_numbers(block_directory(st));
    std::ifstream mounts("/proc/self/mountinfo");
    std::string line;
    while (std::getline(mounts, line)) {
        std::istringstream words(line);
        std::string id;
        std::string parent;
        std::string device;
        std::string root;
        std::string place;
        words >> id >> parent >> device >> root >> place;
        if (std::find(numbers.begin(), numbers.end(), device) != numbers.end()) {
            return "mounted on " + quoted(place);
        }
    }
    std::ifstream swaps("/proc/swaps");
    while (std::getline(swaps, line)) {
        struct stat swap {};
        const std::string path = line.substr(0, line.find_first_of(" \t"));
        if (::stat(path.c_str(), &swap) != 0 || !S_ISBLK(swap.st_mode)) continue;
        const std::string number = concat(major(swap.st_rdev), ':', minor(swap.st_rdev));
        if (std::find(numbers.begin(), numbers.end(), number) != numbers.end()) return "in use as swap";
    }
    return {};
}

std::string attached_loop_device(int fd) {
    struct stat wanted {};
    if (::fstat(fd, &wanted) != 0) return {};
    std::error_code error;
    for (std::filesystem::directory_iterator entry("/sys/block", error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename();
        if (!name.starts_with("loop")) continue;
        const std::string file = first_line(entry->path().string() + "/loop/backing_file");
        struct stat st {};
        if (file.empty() || ::stat(file.c_str(), &st) != 0) continue;
        const bool same = S_ISBLK(wanted.st_mode) ? S_ISBLK(st.st_mode) && st.st_rdev == wanted.st_rdev
                                                  : st.st_dev == wanted.st_dev && st.st_ino == wanted.st_ino;
        if (same) return "/dev/" + name;
    }
    return {};
}

}  // namespace osb::image
