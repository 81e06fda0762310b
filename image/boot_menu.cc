#include "image/boot_menu.hh"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "base/stream.hh"

namespace osb::image {
namespace {

constexpr std::size_t kMaxEntry = 64UL * 1024;

struct DirCloser {
    void operator()(DIR* dir) const noexcept { ::closedir(dir); }
};

std::vector<BootEntry> read_entries(int boot) {
    constexpr std::string_view kSuffix = ".conf";
    // Of which the symbolic link decides: libostree exchanges it in one step.
    Fd fd = open_at(boot, "loader/entries", O_RDONLY | O_DIRECTORY);
    const int directory = fd.get();
    const std::unique_ptr<DIR, DirCloser> stream(::fdopendir(directory));
    if (!stream) throw_errno("cannot read loader/entries");
    static_cast<void>(fd.release());
    std::vector<BootEntry> out;
    errno = 0;
    while (const dirent* entry = ::readdir(stream.get())) {
        std::string name(entry->d_name);
        if (name.size() <= kSuffix.size() || !name.ends_with(kSuffix) || name.front() == '.') continue;
        FdSource source(open_regular(directory, name), name);
        const std::string text = read_all(source, kMaxEntry, name);
        name.resize(name.size() - kSuffix.size());
        out.push_back(parse_boot_entry(std::move(name), text));
        errno = 0;
    }
    if (errno != 0) throw_errno("cannot read loader/entries");
    return out;
}

void replace_file(int directory, const std::string& name, std::string_view text) {
    const std::string temporary = concat('.', name, ".new");
    ::unlinkat(directory, temporary.c_str(), 0);
    const Fd file = open_at(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
    write_all(file.get(), as_bytes(text), temporary);
    if (::fsync(file.get()) != 0) throw_errno(concat("cannot sync ", quoted(temporary)));
    if (::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0) {
        throw_errno(concat("cannot rename ", quoted(temporary)));
    }
    if (::fsync(directory) != 0) throw_errno("cannot sync the bootloader's directory");
}

// Where BOOT is a directory of the root filesystem, freezing would stop everything that writes, us included;
// there a sync has to do.
void empty_journal(int boot) {
    struct stat here {};
    struct stat above {};
    const bool is_mount =
        ::fstat(boot, &here) == 0 && ::fstatat(boot, "..", &above, 0) == 0 && here.st_dev != above.st_dev;
    if (is_mount && ::ioctl(boot, FIFREEZE, 0) == 0) {
        while (::ioctl(boot, FITHAW, 0) != 0 && errno == EINTR) {
        }
        return;
    }
    if (::syncfs(boot) != 0) throw_errno("cannot sync BOOT");
}

}  // namespace

std::string menu_settings(const std::string& entries_path) {
    return concat(
        "# The bootloader's menu. Made by osb-oci install-to-disk; yours to edit. The entries are in\n# ",
        entries_path,
        ", which is made anew whenever deployments change.\n"
        "SERIAL 0 115200\n"
        "UI menu.c32\n"
        "PROMPT 0\n"
        "# in tenths of a second\n"
        "TIMEOUT 30\n"
        "MENU TITLE Systems on this disk\n"
        "MENU AUTOBOOT Starting in # second{,s}\n"
        "INCLUDE ",
        entries_path, '\n');
}

std::string menu_entries(std::vector<BootEntry> entries) {
    sort_entries(entries);
    std::string out = "# Made from loader/entries after every change of deployments: not to be edited.\n";
    if (!entries.empty()) out += concat("DEFAULT ", entries.front().id, '\n');
    for (const BootEntry& entry : entries) {
        out += concat("\nLABEL ", entry.id, "\n  MENU LABEL ",
                      entry.title.empty() ? std::string_view(entry.id) : std::string_view(entry.title),
                      "\n  LINUX ", entry.kernel, '\n');
        std::string initrds;
        for (const std::string& initrd : entry.initrds) {
            if (!initrds.empty()) initrds += ',';
            initrds += initrd;
        }
        if (!initrds.empty()) out += concat("  INITRD ", initrds, '\n');
        if (!entry.devicetree.empty()) out += concat("  FDT ", entry.devicetree, '\n');
        if (!entry.options.empty()) out += concat("  APPEND ", entry.options, '\n');
    }
    return out;
}

std::vector<std::string> update_boot_menu(const std::string& boot) {
    const Fd root = with_context([] { return "the bootloader's partition"; },
                                 [&] { return open_at(AT_FDCWD, boot, O_RDONLY | O_DIRECTORY); });
    const Fd directory = open_at(root.get(), kMenuDirectory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    std::vector<BootEntry> entries = read_entries(root.get());
    if (entries.empty()) {
        throw Error(ErrorKind::not_found, concat("there are no boot entries in ", quoted(boot)));
    }
    sort_entries(entries);
    replace_file(directory.get(), kEntriesFile, menu_entries(entries));
    empty_journal(root.get());
    std::vector<std::string> out;
    out.reserve(entries.size());
    for (const BootEntry& entry : entries) out.push_back(entry.id);
    return out;
}

}  // namespace osb::image
