#include "system/trial/boot_once.hh"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/byte_order.hh"
#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "image/boot/boot_menu.hh"

namespace osb::system {
namespace {

// The vector: a head signature, a checksum, items (tag, length, bytes), and a tail signature; then a second
// copy.
constexpr std::size_t kCopy = 512;
constexpr std::size_t kVector = 2 * kCopy;
constexpr std::uint32_t kHead = 0x5a2d2fa5;
constexpr std::uint32_t kSum = 0xa3041767;
constexpr std::uint32_t kTail = 0xdd28bf64;
constexpr std::size_t kItems = 8;
constexpr std::size_t kItemsEnd = kCopy - 4;
constexpr std::size_t kMaxItem = 255;
constexpr std::uint8_t kEndTag = 0;
constexpr std::uint8_t kBootOnceTag = 1;

std::uint32_t word_at(std::string_view bytes, std::size_t at) {
    return static_cast<std::uint32_t>(from_little_endian(bytes.substr(at, 4)));
}

bool is_whole(std::string_view copy) {
    if (word_at(copy, 0) != kHead || word_at(copy, kItemsEnd) != kTail) return false;
    std::uint32_t sum = 0;
    for (std::size_t at = 4; at < kItemsEnd; at += 4) sum += word_at(copy, at);
    return sum == kSum;
}

using Items = std::vector<std::pair<std::uint8_t, std::string>>;

Items items_of(std::string_view copy) {
    Items out;
    std::string_view items = copy.substr(kItems, kItemsEnd - kItems);
    while (items.size() >= 2) {
        const auto tag = static_cast<std::uint8_t>(items[0]);
        const std::size_t length = static_cast<std::uint8_t>(items[1]);
        if (tag == kEndTag || length > items.size() - 2) break;
        out.emplace_back(tag, items.substr(2, length));
        items.remove_prefix(2 + length);
    }
    return out;
}

// Returns the items of the first intact copy.
Items items_in(std::string_view vector) {
    for (const std::size_t at : {std::size_t{0}, kCopy}) {
        const std::string_view copy = vector.substr(at, kCopy);
        if (is_whole(copy)) return items_of(copy);
    }
    return {};
}

std::string directory_in(const std::string& boot) {
    return concat(boot, '/', image::kMenuDirectory);
}

// Reads both copies from ldlinux.sys.
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

void put_word(std::string& bytes, std::size_t at, std::uint32_t value) {
    put_little_endian(std::span(bytes).subspan(at, 4), value);
}

// Sets or clears the inode's immutable flag; returns what it was.
bool set_immutable(int fd, bool wanted) {
    // The kernel uses an int here, despite the name of the request.
    int flags = 0;
    if (::ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return false;  // a filesystem without such flags
    const bool before = (flags & FS_IMMUTABLE_FL) != 0;
    if (before == wanted) return before;
    flags = wanted ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
    if (::ioctl(fd, FS_IOC_SETFLAGS, &flags) != 0)
        throw_errno("cannot change the flags of the bootloader's file");
    return before;
}

// Installers of SYSLINUX give its file the immutable flag. This object takes it away for its lifetime.
class WritableScope {
  public:
    explicit WritableScope(int fd) : fd_(fd), was_immutable_(set_immutable(fd, false)) {}
    WritableScope(const WritableScope&) = delete;
    WritableScope& operator=(const WritableScope&) = delete;
    ~WritableScope() {
        try {
            if (was_immutable_) set_immutable(fd_, true);
        } catch (const Error& error) {
            log_warning(error.message());
        }
    }

  private:
    int fd_;
    bool was_immutable_;
};

void write_copy(int fd, const std::string& copy, std::uint64_t at) {
    if (::pwrite(fd, copy.data(), copy.size(), static_cast<off_t>(at)) != static_cast<ssize_t>(copy.size())) {
        throw_errno("cannot write the bootloader's data");
    }
    if (::fdatasync(fd) != 0) throw_errno("cannot sync the bootloader's data");
}

// Writes the copies one after the other. Each is a sector, which is written atomically, and the first intact
// one counts.
void write_vector(const std::string& boot, const std::string& copy) {
    const std::string path = concat(directory_in(boot), "/ldlinux.sys");
    const Fd readable = open_regular(AT_FDCWD, path);
    const std::uint64_t size = file_size(readable.get());
    const WritableScope writable(readable.get());
    const Fd file = open_at(AT_FDCWD, path, O_WRONLY | O_NOFOLLOW);
    write_copy(file.get(), copy, size - kVector);
    write_copy(file.get(), copy, size - kCopy);
}

void change_boot_once(const std::string& boot, std::string_view label) {
    write_vector(boot, make_boot_once(read_vector(boot), label).substr(0, kCopy));
    if (read_boot_once(boot) != label) {
        throw Error(ErrorKind::io, "the bootloader's file does not hold the entry to start once");
    }
}

}  // namespace

std::string parse_boot_once(std::string_view vector) {
    if (vector.size() != kVector) return {};
    for (const auto& [tag, value] : items_in(vector)) {
        if (tag == kBootOnceTag) return value;
    }
    return {};
}

std::string read_boot_once(const std::string& boot) {
    return parse_boot_once(read_vector(boot));
}

std::string make_boot_once(std::string_view vector, std::string_view label) {
    std::string items;
    if (!label.empty()) {
        items += {static_cast<char>(kBootOnceTag), static_cast<char>(label.size())};
        items += label;
    }
    // The loader's own items stay, for example the label that the menu remembers.
    for (const auto& [tag, value] : items_in(vector)) {
        if (tag == kBootOnceTag) continue;
        items += {static_cast<char>(tag), static_cast<char>(value.size())};
        items += value;
    }
    if (label.size() > kMaxItem || items.size() > kItemsEnd - kItems) {
        throw Error(ErrorKind::internal, "the entry to start once is too long for the bootloader");
    }
    std::string copy(kCopy, '\0');
    copy.replace(kItems, items.size(), items);
    std::uint32_t sum = 0;
    for (std::size_t at = kItems; at < kItemsEnd; at += 4) sum += word_at(copy, at);
    put_word(copy, 0, kHead);
    put_word(copy, 4, kSum - sum);
    put_word(copy, kItemsEnd, kTail);
    return copy + copy;
}

void set_boot_once(const std::string& boot, const std::string& label) {
    change_boot_once(boot, label);
}

void clear_boot_once(const std::string& boot, const std::string& label) {
    if (read_boot_once(boot) == label) change_boot_once(boot, {});
}

}  // namespace osb::system
