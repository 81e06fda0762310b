#include "system/boot_once.hh"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/subprocess.hh"
#include "image/boot_menu.hh"

namespace osb::system {
namespace {

// The vector: a head signature, a checksum, items (tag, length, bytes), a tail signature; then all of it
// again.
constexpr std::size_t kCopy = 512;
constexpr std::size_t kVector = 2 * kCopy;
constexpr std::uint32_t kHead = 0x5a2d2fa5;
constexpr std::uint32_t kSum = 0xa3041767;
constexpr std::uint32_t kTail = 0xdd28bf64;
constexpr std::size_t kItems = 8;
constexpr std::size_t kItemsEnd = kCopy - 4;
constexpr std::uint8_t kEndTag = 0;
constexpr std::uint8_t kBootOnceTag = 1;

std::uint32_t word_at(std::string_view bytes, std::size_t at) {
    std::uint32_t out = 0;
    for (std::size_t i = 4; i-- > 0;) out = out << 8U | static_cast<std::uint8_t>(bytes[at + i]);
    return out;
}

bool is_whole(std::string_view copy) {
    if (word_at(copy, 0) != kHead || word_at(copy, kItemsEnd) != kTail) return false;
    std::uint32_t sum = 0;
    for (std::size_t at = 4; at < kItemsEnd; at += 4) sum += word_at(copy, at);
    return sum == kSum;
}

std::string boot_once_in(std::string_view copy) {
    std::string_view items = copy.substr(kItems, kItemsEnd - kItems);
    while (items.size() >= 2) {
        const auto tag = static_cast<std::uint8_t>(items[0]);
        const std::size_t length = static_cast<std::uint8_t>(items[1]);
        if (tag == kEndTag || length > items.size() - 2) break;
        if (tag == kBootOnceTag) return std::string(items.substr(2, length));
        items.remove_prefix(2 + length);
    }
    return {};
}

std::string directory_in(const std::string& boot) {
    return concat(boot, '/', image::kMenuDirectory);
}

// Both copies, as they are in ldlinux.sys.
std::string read_vector(const std::string& boot) {
    const std::string path = concat(directory_in(boot), "/ldlinux.sys");
    const Fd file = open_regular(AT_FDCWD, path);
    const std::uint64_t size = file_size(file.get());
    constexpr std::uint64_t kMaxLoader = 16UL * 1024 * 1024;
    if (size <= kVector || size > kMaxLoader) {
        throw Error(ErrorKind::invalid, concat(quoted(path), " is not SYSLINUX"));
    }
    FileRangeSource source(file.get(), size - kVector, kVector, path);
    return read_all(source, kVector, path);
}

void run_extlinux(const std::string& boot, const std::string& option) {
    const std::optional<std::string> program = find_extlinux();
    if (!program) {
        throw Error(ErrorKind::not_found, "the program extlinux is not installed")
            .hint("it is in the package syslinux (Alpine) or extlinux (Debian)");
    }
    SubprocessOptions options;
    options.argv = {*program, option, directory_in(boot)};
    Subprocess(options).wait();
}

}  // namespace

std::optional<std::string> parse_boot_once(std::string_view vector) {
    if (vector.size() != kVector) return std::nullopt;
    for (const std::size_t at : {std::size_t{0}, kCopy}) {
        const std::string_view copy = vector.substr(at, kCopy);
        if (is_whole(copy)) return boot_once_in(copy);
    }
    return std::nullopt;
}

std::string read_boot_once(const std::string& boot) {
    return parse_boot_once(read_vector(boot)).value_or("");
}

void set_boot_once(const std::string& boot, const std::string& label) {
    run_extlinux(boot, concat("--once=", label));
    if (read_boot_once(boot) != label) {
        throw Error(ErrorKind::io,
                    concat("the bootloader did not take ", quoted(label), " as what it is to start once"));
    }
}

void clear_boot_once(const std::string& boot, const std::string& label) {
    if (read_boot_once(boot) != label) return;
    run_extlinux(boot, "--clear-once");
    if (!read_boot_once(boot).empty()) {
        throw Error(ErrorKind::io, "the bootloader's boot-once could not be cleared");
    }
}

std::optional<std::string> find_extlinux() {
    const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): nothing sets it
    const std::string list = concat(path == nullptr ? "" : path, ":/usr/sbin:/sbin:/usr/bin:/bin");
    for (std::size_t at = 0; at <= list.size();) {
        const std::size_t end = std::min(list.find(':', at), list.size());
        const std::string name = concat(list.substr(at, end - at), "/extlinux");
        if (name.front() == '/' && end > at && ::access(name.c_str(), X_OK) == 0) return name;
        at = end + 1;
    }
    return std::nullopt;
}

}  // namespace osb::system
