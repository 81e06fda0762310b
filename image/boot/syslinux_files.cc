// Reads SYSLINUX's files from the machine's package. ldlinux.sys is not a separate file there: the installers
// contain it. The installer for FAT images (syslinux) works on any file, without privileges. It installs into
// a small image, from which ldlinux.sys is then read back.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "base/byte_order.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/stream.hh"
#include "base/subprocess.hh"
#include "base/unnamed_file.hh"
#include "image/boot/syslinux.hh"
#include "image/disk/partition_table.hh"

namespace osb::image {
namespace {

constexpr std::size_t kMaxSyslinuxFile = 4UL * 1024 * 1024;

// A floppy disk image of 2.88 MB in DOS format: FAT12, clusters of two sectors.
namespace floppy {
constexpr std::size_t kSectors = 5760;
constexpr std::size_t kClusterSectors = 2;
constexpr std::size_t kFatSectors = 9;
constexpr std::size_t kFirstFat = 1;
constexpr std::size_t kRootDirectory = kFirstFat + 2 * kFatSectors;
constexpr std::size_t kRootEntries = 240;
constexpr std::size_t kData = kRootDirectory + kRootEntries * 32 / kSectorSize;

void put(std::string& image, std::size_t at, unsigned size, std::uint32_t value) {
    put_little_endian(std::span(image).subspan(at, size), value);
}

std::size_t get(std::string_view image, std::size_t at, unsigned size) {
    if (image.size() < size || at > image.size() - size) {
        throw Error(ErrorKind::unsupported, "the syslinux program left a damaged filesystem");
    }
    return from_little_endian(image.substr(at, size));
}

std::string format() {
    std::string image(kSectors * kSectorSize, '\0');
    constexpr std::string_view kHead("\xEB\x3C\x90OSB     ", 11);
    std::copy(kHead.begin(), kHead.end(), image.begin());
    put(image, 11, 2, kSectorSize);
    put(image, 13, 1, kClusterSectors);
    put(image, 14, 2, kFirstFat);
    put(image, 16, 1, 2);
    put(image, 17, 2, kRootEntries);
    put(image, 19, 2, kSectors);
    put(image, 21, 1, 0xF0);
    put(image, 22, 2, kFatSectors);
    put(image, 24, 2, 36);
    put(image, 26, 2, 2);
    put(image, 38, 1, 0x29);
    constexpr std::string_view kLabelAndType = "NO NAME    FAT12   ";
    std::copy(kLabelAndType.begin(), kLabelAndType.end(), image.begin() + 43);
    put(image, 510, 2, 0xAA55);
    for (const std::size_t fat : {kFirstFat, kFirstFat + kFatSectors})
        put(image, fat * kSectorSize, 3, 0xFFFFF0);
    return image;
}

// Reads a file of the root directory by its FAT name ("LDLINUX SYS").
std::string read_file(const std::string& image, std::string_view name) {
    constexpr std::uint32_t kEndOfChain = 0xFF8;
    for (std::size_t i = 0; i < kRootEntries; ++i) {
        const std::size_t entry = kRootDirectory * kSectorSize + i * 32;
        if (image.compare(entry, name.size(), name) != 0) continue;
        std::size_t cluster = get(image, entry + 26, 2);
        const std::size_t size = get(image, entry + 28, 4);
        std::string out;
        while (cluster >= 2 && cluster < kEndOfChain && out.size() < size && size <= image.size()) {
            const std::size_t at = (kData + (cluster - 2) * kClusterSectors) * kSectorSize;
            out.append(image, at, kClusterSectors * kSectorSize);
            const std::size_t pair = get(image, kFirstFat * kSectorSize + cluster + cluster / 2, 2);
            cluster = cluster % 2 == 0 ? pair & 0xFFFU : pair >> 4U;
        }
        if (out.size() < size) break;
        out.resize(size);
        return out;
    }
    throw Error(ErrorKind::unsupported, concat("the syslinux program installed no file ", quoted(name)));
}

}  // namespace floppy

// Runs the installer on a floppy image in memory, and returns the image.
std::string installed_floppy() {
    const Fd file(::memfd_create("osb-syslinux", MFD_CLOEXEC));
    if (!file) throw_errno("cannot make a file in memory");
    std::string image = floppy::format();
    write_all(file.get(), as_bytes(image), "a file in memory");
    constexpr int kChildFd = 3;
    SubprocessOptions options;
    options.argv = {"syslinux", "--install", "/proc/self/fd/3"};
    options.inherited = {{file.get(), kChildFd}};
    // syslinux needs $TMPDIR, too, and this error names it.
    static_cast<void>(open_unnamed_file());
    try {
        Subprocess(options).wait();
    } catch (Error& error) {
        if (error.kind() == ErrorKind::not_found) {
            throw Error(ErrorKind::not_found, "the program syslinux is not installed")
                .hint("install the distribution's packages syslinux and mtools");
        }
        error.hint("it needs the programs of the package mtools");
        throw;
    }
    FileRangeSource source(file.get(), 0, image.size(), "a file in memory");
    const std::size_t n =
        read_full(source, {reinterpret_cast<std::uint8_t*>(image.data()), image.size()});  // NOLINT: bytes
    image.resize(n);
    return image;
}

// The directories of Debian, of Alpine, and of other distributions.
constexpr std::array kModuleFolders{"/usr/lib/syslinux/modules/bios", "/usr/share/syslinux",
                                    "/usr/lib/syslinux/bios"};
constexpr std::array kMbrFolders{"/usr/lib/syslinux/mbr", "/usr/lib/EXTLINUX", "/usr/share/syslinux",
                                 "/usr/lib/syslinux/bios"};

template<std::size_t N>
std::string read_from(const std::array<const char*, N>& folders, const std::string& name) {
    for (const char* folder : folders) {
        const std::string path = concat(folder, '/', name);
        if (::access(path.c_str(), R_OK) != 0) continue;
        FdSource source(open_at(AT_FDCWD, path, O_RDONLY), path);
        return read_all(source, kMaxSyslinuxFile, path);
    }
    throw Error(ErrorKind::not_found, concat("SYSLINUX's file ", quoted(name), " is not installed"))
        .hint("install the distribution's package syslinux (on Debian syslinux-common and extlinux, too)");
}

std::string read_mbr(const std::string& name) {
    constexpr std::size_t kMaxCode = 440;  // then come the disk's number and the table
    std::string code = read_from(kMbrFolders, name);
    if (code.size() > kMaxCode) {
        throw Error(ErrorKind::unsupported,
                    concat("SYSLINUX's ", name, " has ", code.size(), " bytes; at most ", kMaxCode, " fit"));
    }
    return code;
}

}  // namespace

SyslinuxFiles find_syslinux() {
    SyslinuxFiles out;
    // First check the files that need no other program.
    out.mbr = read_mbr("mbr.bin");
    out.gpt_mbr = read_mbr("gptmbr.bin");
    for (const char* name : {"menu.c32", "libutil.c32"}) out.modules[name] = read_from(kModuleFolders, name);
    const std::string floppy = installed_floppy();
    out.boot_sector = floppy.substr(0, kSectorSize);
    out.loader = floppy::read_file(floppy, "LDLINUX SYS");
    out.modules["ldlinux.c32"] = floppy::read_file(floppy, "LDLINUX C32");
    return out;
}

}  // namespace osb::image
