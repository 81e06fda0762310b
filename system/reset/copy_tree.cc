#include "system/reset/copy_tree.hh"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <optional>
#include <set>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/interrupt.hh"
#include "base/log.hh"
#include "base/same_mount.hh"
#include "ostree/sysroot/remove_tree.hh"
#include "system/etc/etc_node.hh"
#include "system/etc/etc_tree.hh"

namespace osb::system {
namespace {

constexpr int kMaxCopyDepth = 200;  // each level keeps three files open
constexpr int kReadDirectory = O_RDONLY | O_DIRECTORY;

struct CopyListCloser {
    void operator()(DIR* list) const noexcept { ::closedir(list); }
};

// Calls `each` with the open directory and the name of each entry.
template<typename Each>
void for_each_entry(Fd fd, const Each& each) {
    const std::unique_ptr<DIR, CopyListCloser> list(::fdopendir(fd.get()));
    if (!list) throw_errno("cannot read the directory");
    const int open = fd.release();
    for (;;) {
        errno = 0;
        const dirent* const found = ::readdir(list.get());
        if (found == nullptr && errno != 0) throw_errno("cannot read the directory");
        if (found == nullptr) return;
        const std::string name = found->d_name;
        if (name == "." || name == "..") continue;
        check_interrupt();
        each(open, name);
    }
}

[[noreturn]] void too_deep() {
    throw Error(ErrorKind::too_large, concat("more than ", kMaxCopyDepth, " levels of directories"));
}

std::string parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}

// Opens an entry. Returns nothing if it is left out: something is mounted on it, which is a warning unless
// `path` is empty; or it has disappeared, unless it is the first one (depth 0).
std::optional<Fd> open_original(int directory, const std::string& name, int flags, int depth,
                                const std::string& path) {
    try {
        std::optional<Fd> out = open_same_mount(directory, name, flags);
        if (!out && !path.empty())
            log_warning(concat(quoted(path), " is a mounted filesystem, which is not copied"));
        return out;
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::not_found && depth > 0) return std::nullopt;
        throw;
    }
}

// Of a link that is open with O_PATH.
std::string read_target(int link) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(link, "", target.data(), target.size());
    if (size < 0) throw_errno("cannot read the link");
    return {target.data(), static_cast<std::size_t>(size)};
}

void set_open_times(int fd, const EtcEntry& entry) {
    const timespec mtime{.tv_sec = entry.mtime_seconds, .tv_nsec = entry.mtime_nanoseconds};
    const std::array<timespec, 2> times{mtime, mtime};
    if (::futimens(fd, times.data()) != 0) throw_errno("cannot set the time");
}

void copy_range(int from, int to, off_t at, off_t end) {
    std::array<std::uint8_t, 65536> buffer{};
    while (at < end) {
        check_interrupt();
        const auto want = static_cast<std::size_t>(std::min<off_t>(end - at, buffer.size()));
        const ssize_t got = ::pread(from, buffer.data(), want, at);
        if (got < 0) throw_errno("cannot read it");
        if (got == 0) return;  // it has become shorter
        if (::lseek(to, at, SEEK_SET) < 0) throw_errno("cannot seek");
        write_all(to, ByteView(buffer).first(static_cast<std::size_t>(got)), "the copy");
        at += got;
    }
}

void copy_data(int from, int to, off_t size) {
    if (::ioctl(to, FICLONE, from) == 0) return;
    for (off_t at = 0; at < size;) {
        const off_t data = ::lseek(from, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO) break;  // the rest is a hole
        if (data < 0) {
            copy_range(from, to, at, size);  // a filesystem that does not report holes
            break;
        }
        off_t hole = ::lseek(from, data, SEEK_HOLE);
        if (hole < 0 || hole > size) hole = size;
        copy_range(from, to, data, hole);
        at = hole;
    }
    if (::ftruncate(to, size) != 0) throw_errno("cannot set the size");
}

class Measure {
  public:
    void add(int directory, const std::string& name, int depth) {
        struct stat st {};
        if (::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT && depth > 0) return;
            throw_errno("cannot read it");
        }
        if (S_ISSOCK(st.st_mode)) return;
        if (S_ISREG(st.st_mode) && st.st_nlink > 1 && !known_.insert({st.st_dev, st.st_ino}).second) return;
        constexpr std::uint64_t kUnit = 512;  // of st_blocks
        size_.bytes += static_cast<std::uint64_t>(st.st_blocks) * kUnit;
        size_.inodes += 1;
        if (!S_ISDIR(st.st_mode)) return;
        if (depth > kMaxCopyDepth) too_deep();
        std::optional<Fd> below = open_original(directory, name, kReadDirectory, depth, "");
        if (!below) return;
        for_each_entry(std::move(*below),
                       [&](int open, const std::string& entry) { add(open, entry, depth + 1); });
    }
    TreeSize size() const { return size_; }

  private:
    TreeSize size_;
    std::set<std::pair<std::uint64_t, std::uint64_t>> known_;
};

}  // namespace

void TreeCopier::copy(const std::string& path) {
    make_parents(path);
    const EtcPosition source = find_position(from_, path);
    const EtcPosition target = find_position(to_, path);
    ostree::remove_tree(target.directory.get(), target.name);
    copy_entry(source.directory.get(), target.directory.get(), target.name, path, 0);
}

void TreeCopier::make_parents(const std::string& path) {
    const std::string parent = parent_of(path);
    if (parent.empty()) return;
    make_parents(parent);
    const EtcPosition target = find_position(to_, parent);
    struct stat st {};
    if (::fstatat(target.directory.get(), target.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) {
        if (S_ISDIR(st.st_mode)) return;
        throw Error(ErrorKind::invalid, concat(quoted(parent), " is not a directory in the fresh system"));
    }
    const EtcPosition source = find_position(from_, parent);
    const Fd original = open_at(source.directory.get(), source.name, kReadDirectory | O_NOFOLLOW);
    if (::mkdirat(target.directory.get(), target.name.c_str(), 0700) != 0)
        throw_errno(concat("cannot create ", quoted(parent)));
    const Fd made = open_at(target.directory.get(), target.name, kReadDirectory | O_NOFOLLOW);
    set_node_metadata(made.get(), read_open_entry(original.get()));
}

// Entries that were there when the directory was read may be gone now. The first one must exist.
void TreeCopier::copy_entry(int from, int to, const std::string& name, const std::string& path, int depth) {
    struct stat st {};
    if (::fstatat(from, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT && depth > 0) return;
        throw_errno(concat("cannot read ", quoted(path)));
    }
    if (S_ISDIR(st.st_mode)) return copy_directory(from, to, name, path, depth);
    if (S_ISREG(st.st_mode)) return copy_file(from, to, name, path, depth);
    if (S_ISSOCK(st.st_mode)) return;
    with_context([&] { return quoted(path); },
                 [&] {
                     const std::optional<Fd> original = open_original(from, name, O_PATH, depth, path);
                     if (!original) return;
                     EtcStep step{.action = EtcAction::local,
                                  .source = path,
                                  .entry = read_open_entry(original->get())};
                     if (S_ISLNK(st.st_mode)) step.entry.target = read_target(original->get());
                     if (!S_ISLNK(st.st_mode)) step.entry.device = st.st_rdev;
                     make_node({.directory = open_at(to, ".", kReadDirectory), .name = name}, step, {});
                 });
}

void TreeCopier::copy_directory(int from, int to, const std::string& name, const std::string& path,
                                int depth) {
    if (depth > kMaxCopyDepth) with_context([&] { return quoted(path); }, [] { too_deep(); });
    std::optional<Fd> source = open_original(from, name, kReadDirectory, depth, path);
    if (!source) return;
    const EtcEntry entry = read_open_entry(source->get());
    if (::mkdirat(to, name.c_str(), 0700) != 0) throw_errno(concat("cannot create ", quoted(path)));
    const Fd made = open_at(to, name, kReadDirectory | O_NOFOLLOW);
    for_each_entry(std::move(*source), [&](int open, const std::string& below) {
        copy_entry(open, made.get(), below, concat(path, '/', below), depth + 1);
    });
    with_context([&] { return quoted(path); },
                 [&] {
                     set_node_metadata(made.get(), entry);
                     set_open_times(made.get(), entry);
                 });
}

// Returns false if that fails, for example because the file has too many names: it is copied then.
bool TreeCopier::link_first(const std::string& path, int to, const std::string& name) const {
    const EtcPosition first = find_position(to_, path);
    return ::linkat(first.directory.get(), first.name.c_str(), to, name.c_str(), 0) == 0;
}

void TreeCopier::copy_file(int from, int to, const std::string& name, const std::string& path, int depth) {
    with_context([&] { return quoted(path); },
                 [&] {
                     const std::optional<Fd> source =
                         open_original(from, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, depth, path);
                     struct stat st {};
                     if (!source || ::fstat(source->get(), &st) != 0 || !S_ISREG(st.st_mode)) return;
                     if (st.st_nlink > 1) {
                         const auto [known, is_first] = copied_.try_emplace({st.st_dev, st.st_ino}, path);
                         if (!is_first && link_first(known->second, to, name)) return;
                     }
                     const EtcEntry entry = read_open_entry(source->get());
                     const Fd made = open_at(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
                     copy_data(source->get(), made.get(), st.st_size);
                     set_node_metadata(made.get(), entry);
                     set_open_times(made.get(), entry);
                 });
}

TreeSize measure_tree(int from, const std::string& path) {
    const EtcPosition position = find_position(from, path);
    Measure measure;
    with_context([&] { return quoted(path); },
                 [&] { measure.add(position.directory.get(), position.name, 0); });
    return measure.size();
}

}  // namespace osb::system
