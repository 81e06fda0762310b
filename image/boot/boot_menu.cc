#include "image/boot/boot_menu.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "base/stream.hh"
#include "image/boot/frozen_filesystem.hh"
#include "image/deployment/command_line.hh"
#include "ostree/sysroot/kernel_options.hh"

namespace osb::image {
namespace {

constexpr std::size_t kMaxEntry = 64UL * 1024;
constexpr std::size_t kMaxMenu = 1024UL * 1024;
constexpr std::size_t kBlock = 4096;  // ext4 and disks write this much atomically

struct DirCloser {
    void operator()(DIR* dir) const noexcept { ::closedir(dir); }
};

std::vector<BootEntry> read_entries(int boot) {
    constexpr std::string_view kSuffix = ".conf";
    // The symbolic link decides which directory counts: libostree exchanges it atomically.
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
        const std::string text = read_regular_file(directory, name, kMaxEntry);
        name.resize(name.size() - kSuffix.size());
        out.push_back(parse_boot_entry(std::move(name), text));
        errno = 0;
    }
    if (errno != 0) throw_errno("cannot read loader/entries");
    return out;
}

// If BOOT is a directory of the root filesystem, a freeze would stop every writer, this process included. A
// sync has to suffice there.
void empty_journal(int boot) {
    struct stat here {};
    struct stat above {};
    const bool is_mount =
        ::fstat(boot, &here) == 0 && ::fstatat(boot, "..", &above, 0) == 0 && here.st_dev != above.st_dev;
    // Sync in any case: the less is left to write, the shorter other processes wait.
    if (::syncfs(boot) != 0) throw_errno("cannot sync BOOT");
    if (is_mount) const FrozenFilesystem for_a_moment(boot);
}

// An entry must not use the label of the trial or of the fallback: the loader must start the system that the
// label names.
std::string label_of(const BootEntry& entry) {
    const bool is_taken = entry.id == kTrialLabel || entry.id == kFallbackLabel;
    return is_taken ? concat(entry.id, "-entry") : entry.id;
}

std::string entry_text(std::string_view label, const BootEntry& entry, std::string_view arguments = {},
                       bool hidden = false) {
    std::string out = concat("\nLABEL ", label, "\n  MENU LABEL ",
                             printable_title(entry.title.empty() ? entry.id : entry.title), '\n');
    if (hidden) out += "  MENU HIDE\n";
    out += concat("  LINUX ", entry.kernel, '\n');
    std::string initrds;
    for (const std::string& initrd : entry.initrds) {
        if (!initrds.empty()) initrds += ',';
        initrds += initrd;
    }
    if (!initrds.empty()) out += concat("  INITRD ", initrds, '\n');
    if (!entry.devicetree.empty()) out += concat("  FDT ", entry.devicetree, '\n');
    std::string options = entry.options;
    if (!options.empty() && !arguments.empty()) options += ' ';
    options += arguments;
    if (!options.empty()) out += concat("  APPEND ", options, '\n');
    return out;
}

// The menu in parts, some of which may be left out.
struct MenuParts {
    std::string default_line;
    std::vector<std::string> entries;  // the default is the first
    std::vector<bool> is_shown;        // in the same order
    std::string hidden;                // the trial's label
    std::optional<std::size_t> tried;  // the entry that it starts; nothing: the default
    std::string fallback;              // the label `fallback`

    std::string text() const {
        std::string out = "# Generated from loader/entries after each change of deployments: do not edit.\n";
        if (entries.empty()) return out;
        const auto left_out = std::count(is_shown.begin(), is_shown.end(), false);
        if (left_out != 0) {
            out += concat("# Not shown for lack of room: ", left_out, left_out == 1 ? " entry" : " entries",
                          ", still on the disk.\n");
        }
        out += default_line;
        for (std::size_t i = 0; i < entries.size(); ++i) {
            if (is_shown[i]) out += entries[i];
        }
        return out + hidden + fallback;
    }
};

// Makes the parts from sorted entries, with all entries shown.
MenuParts make_parts(const std::vector<BootEntry>& entries, const TrialMenu& trial) {
    MenuParts out;
    if (entries.empty()) return out;
    out.default_line = concat("DEFAULT ", label_of(entries.front()), '\n');
    for (const BootEntry& entry : entries) out.entries.push_back(entry_text(label_of(entry), entry));
    out.is_shown.assign(entries.size(), true);
    const auto tried = std::find_if(entries.begin(), entries.end(), [&](const BootEntry& entry) {
        // If the kernel truncated the arguments, nothing would end the trial.
        return trial.is_on_trial && trial.is_on_trial(entry) &&
               command_line_size(entry, trial.arguments) <= kMaxCommandLine;
    });
    if (tried == entries.end()) {
        out.hidden = entry_text(kTrialLabel, entries.front(), {}, true);
    } else {
        out.hidden = entry_text(kTrialLabel, *tried, trial.arguments, true);
        out.tried = static_cast<std::size_t>(tried - entries.begin());
    }
    const auto fallback = std::find_if(entries.begin() + 1, entries.end(), [&](const BootEntry& entry) {
        return trial.is_fallback && trial.is_fallback(entry, entries.front());
    });
    if (fallback != entries.end()) out.fallback = entry_text(kFallbackLabel, *fallback, {}, true);
    return out;
}

// Leaves out parts until the rest fits into the file's block. The order is: the label of the fallback; the
// older entries; the entry on trial, which has its own label; the fallback entry. Only very long command
// lines reach the last steps.
void fit_into_block(MenuParts& parts) {
    const auto fits = [&parts] { return parts.text().size() <= kBlock; };
    if (fits()) return;
    parts.is_shown.assign(parts.entries.size(), false);
    parts.is_shown.front() = true;
    // If the trial's label is armed by mistake, SYSLINUX then ends at its prompt, which starts the default.
    if (!parts.tried && !fits()) parts.hidden.clear();
    if (!fits()) parts.fallback.clear();
    if (!fits()) {
        throw Error(ErrorKind::too_large,
                    concat("the bootloader's menu has ", kBlock, " bytes, too few for the default",
                           parts.tried ? " and the system on trial" : ""))
            .hint("use fewer kernel arguments");
    }
    std::vector<std::size_t> order;
    for (std::size_t i = 1; i < parts.entries.size(); ++i) {
        if (i != parts.tried) order.push_back(i);
    }
    if (parts.tried.value_or(0) != 0) order.insert(order.begin() + (order.empty() ? 0 : 1), *parts.tried);
    for (const std::size_t next : order) {
        parts.is_shown[next] = true;
        if (fits()) continue;
        parts.is_shown[next] = false;
        break;
    }
}

// A system with a truncated command line does not start, or does not know that it is on trial. Therefore the
// menu does not offer it.
void leave_out_too_long(std::vector<BootEntry>& entries) {
    std::exception_ptr last;
    const auto is_too_long = [&last](const BootEntry& entry) {
        try {
            check_command_line(entry);
            return false;
        } catch (const Error& error) {
            log_warning(concat("not in the menu: ", error.message()));
            last = std::current_exception();
            return true;
        }
    };
    std::erase_if(entries, is_too_long);
    if (entries.empty() && last) std::rethrow_exception(last);
}

// The menu to write, and its place.
struct BootMenu {
    Fd boot;
    Fd directory;
    MenuFile file;
};

BootMenu make_menu(const std::string& boot, const TrialMenu& trial) {
    BootMenu out;
    out.boot = with_context([] { return "the bootloader's partition"; },
                            [&] { return open_at(AT_FDCWD, boot, O_RDONLY | O_DIRECTORY); });
    out.directory = open_at(out.boot.get(), kMenuDirectory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    std::vector<BootEntry> entries = read_entries(out.boot.get());
    if (entries.empty()) {
        throw Error(ErrorKind::not_found, concat("there are no boot entries in ", quoted(boot)));
    }
    sort_entries(entries);
    leave_out_too_long(entries);
    out.file = menu_file(std::move(entries), trial);
    return out;
}

// Overwrites a file of one block in place. This changes no directory and no inode. SYSLINUX does not replay
// the journal, so at no moment does it see one changed without the other.
bool overwrite_block(int directory, std::string_view text) {
    const Fd file(::openat(directory, kEntriesFile, O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    struct stat st {};
    if (!file || ::fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1) return false;
    const auto allocated = static_cast<std::uint64_t>(st.st_blocks) * 512;
    if (text.size() != kBlock || st.st_size != static_cast<off_t>(kBlock) || allocated < kBlock) return false;
    if (::pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
        throw_errno(concat("cannot write ", quoted(kEntriesFile)));
    }
    if (::fdatasync(file.get()) != 0) throw_errno(concat("cannot sync ", quoted(kEntriesFile)));
    return true;
}

// Returns true if a line of the configuration includes that file.
bool includes(std::string_view text, std::string_view file) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        constexpr std::string_view kInclude = "include";
        const bool is_include =
            line.size() > kInclude.size() &&
            std::equal(kInclude.begin(), kInclude.end(), line.begin(),
                       [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
        if (is_include && line.find(file) != std::string_view::npos) return true;
    }
    return false;
}

}  // namespace

std::string menu_settings(const std::string& entries_path) {
    return concat(
        "# The bootloader's menu. Made by osb-oci install-to-disk; yours to edit. The entries are in\n# ",
        entries_path,
        ", which is rewritten whenever deployments change.\n"
        "SERIAL 0 115200\n"
        "UI menu.c32\n"
        "PROMPT 0\n"
        "# In tenths of a second. A key, or noise on the serial line, stops the first countdown;\n"
        "# nothing stops the second, after which the default is started.\n"
        "TIMEOUT 30\n"
        "TOTALTIMEOUT 3000\n"
        "MENU TITLE Systems on this disk\n"
        "MENU AUTOBOOT Starting in # second{,s}\n"
        "INCLUDE ",
        entries_path, '\n');
}

std::string menu_entries(std::vector<BootEntry> entries, const TrialMenu& trial) {
    sort_entries(entries);
    return make_parts(entries, trial).text();
}

MenuFile menu_file(std::vector<BootEntry> entries, const TrialMenu& trial) {
    sort_entries(entries);
    MenuParts parts = make_parts(entries, trial);
    const bool has_fallback = !parts.fallback.empty();
    fit_into_block(parts);
    MenuFile out{.text = parts.text(),
                 .shown = {},
                 .left_out = {},
                 .lacks_fallback = has_fallback && parts.fallback.empty()};
    out.text.append(kBlock - out.text.size(), '\n');
    for (std::size_t i = 0; i < entries.size(); ++i) {
        (parts.is_shown[i] ? out.shown : out.left_out).push_back(entries[i].id);
    }
    return out;
}

MenuOwner menu_owner(const std::string& boot) {
    try {
        const std::string path = concat(boot, '/', kMenuDirectory, '/', kMenuFile);
        const std::string text = read_regular_file(AT_FDCWD, path, kMaxMenu);
        return includes(text, kEntriesFile) ? MenuOwner::ours : MenuOwner::other;
    } catch (const Error& error) {
        return error.kind() == ErrorKind::io ? MenuOwner::unknown : MenuOwner::other;
    }
}

bool menu_is_ours(const std::string& boot) {
    return menu_owner(boot) == MenuOwner::ours;
}

namespace {

void check_room_for(BootEntry default_entry, BootEntry tried, const std::string& arguments) {
    default_entry.id = "default";
    default_entry.version = "2";
    tried.id = "tried";
    tried.version = "1";
    // The longest possible title: the real one is not known yet.
    tried.title = std::string(kMaxTitle, 'x');
    static_cast<void>(menu_file({std::move(default_entry), std::move(tried)},
                                {.is_on_trial = [](const BootEntry& entry) { return entry.id == "tried"; },
                                 .arguments = arguments,
                                 .is_fallback = {}}));
}

}  // namespace

void check_menu_room(const std::string& boot, const BootEntry& tried, const std::string& arguments) {
    if (!menu_is_ours(boot)) return;
    const Fd directory = open_at(AT_FDCWD, boot, O_RDONLY | O_DIRECTORY);
    std::vector<BootEntry> entries = read_entries(directory.get());
    sort_entries(entries);
    check_room_for(entries.empty() ? tried : entries.front(), tried, arguments);
    try {
        check_room_for(tried, tried, arguments);
    } catch (const Error& error) {
        log_warning(concat("the deployment after this one needs fewer kernel arguments: ", error.message()));
    }
}

void check_default_entry(const std::string& boot) {
    const Fd directory = open_at(AT_FDCWD, boot, O_RDONLY | O_DIRECTORY);
    std::vector<BootEntry> entries = read_entries(directory.get());
    sort_entries(entries);
    if (!entries.empty()) check_command_line(entries.front());
}

void check_entry_of(const std::string& boot, const std::string& deployment) {
    const Fd directory = open_at(AT_FDCWD, boot, O_RDONLY | O_DIRECTORY);
    for (const BootEntry& entry : read_entries(directory.get())) {
        const std::vector<std::string> words = ostree::split_kernel_options(entry.options);
        const bool is_its = std::find(words.begin(), words.end(), "ostree=" + deployment) != words.end();
        if (is_its) check_command_line(entry);
    }
}

std::vector<std::string> update_boot_menu(const std::string& boot, const TrialMenu& trial) {
    const BootMenu menu = make_menu(boot, trial);
    for (const std::string& id : menu.file.left_out) {
        log_warning(concat("not in the menu, which is full: the boot entry ", quoted(id)));
    }
    if (menu.file.lacks_fallback) {
        log_warning("the menu is full: a default that does not come up is not replaced by the rollback");
    }
    // Write the files that the menu names before the menu itself.
    empty_journal(menu.boot.get());
    if (!overwrite_block(menu.directory.get(), menu.file.text)) {
        // There is no menu yet, or another program wrote it.
        replace_file(menu.directory.get(), kEntriesFile, menu.file.text);
        empty_journal(menu.boot.get());
    }
    return menu.file.shown;
}

bool menu_is_current(const std::string& boot, const TrialMenu& trial) {
    const BootMenu menu = make_menu(boot, trial);
    try {
        return read_regular_file(menu.directory.get(), kEntriesFile, kMaxMenu) == menu.file.text;
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::io) throw;
        return false;
    }
}

}  // namespace osb::image
