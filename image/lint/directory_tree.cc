#include "image/lint/directory_tree.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <tuple>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "ostree/tree/tree.hh"

namespace osb::image {
namespace {

constexpr std::uint32_t kPermissionBits = 07777;
constexpr std::array<std::string_view, 5> kMountPoints{"dev", "proc", "sys", "run", "tmp"};

struct CloseDirectory {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

// All names except "." and "..", sorted. Takes over the descriptor.
std::vector<std::string> names_in(Fd fd, const std::string& what) {
    const std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(fd.get()));
    if (!directory) throw_errno(concat("cannot read ", quoted(what)));
    static_cast<void>(fd.release());
    std::vector<std::string> out;
    for (;;) {
        errno = 0;
        const dirent* const entry = ::readdir(directory.get());  // NOLINT(concurrency-mt-unsafe): own stream
        if (entry == nullptr && errno != 0) throw_errno(concat("cannot read ", quoted(what)));
        if (entry == nullptr) break;
        std::string name = entry->d_name;
        if (name != "." && name != "..") out.push_back(std::move(name));
        if (out.size() > kMaxLintEntries) break;  // refused by the caller
    }
    std::sort(out.begin(), out.end());
    return out;
}

std::string read_target(int directory, const std::string& name, const std::string& what) {
    std::array<char, 4096> buffer{};  // PATH_MAX: no link is longer
    const ssize_t n = ::readlinkat(directory, name.c_str(), buffer.data(), buffer.size());
    if (n < 0) throw_errno(concat("cannot read the link ", quoted(what)));
    return {buffer.data(), static_cast<std::size_t>(n)};
}

// A value that no checksum and no other number is.
Sha256 numbered(std::uint64_t number) {
    Sha256 out{};
    std::memcpy(out.data(), &number, sizeof number);
    return out;
}

// True for files that the bootable layout may compare with another one.
bool may_compete(std::string_view path) {
    constexpr std::array<std::string_view, 8> kTops{"bin",   "sbin",   "lib", "lib32",
                                                    "lib64", "libx32", "etc", "boot"};
    if (path.starts_with("usr/")) path.remove_prefix(4);
    const std::string_view top = path.substr(0, path.find('/'));
    return std::find(kTops.begin(), kTops.end(), top) != kTops.end();
}

Sha256 hash_of(Source& source, const LintEntry& entry) {
    Hasher hasher;
    hasher.update(concat(entry.mode, ' ', entry.uid, ' ', entry.gid, '\n'));
    std::vector<std::uint8_t> buffer(128UL * 1024);
    while (const std::size_t n = source.read(buffer)) hasher.update(ByteView(buffer).first(n));
    return hasher.finish_sha256();
}

}  // namespace

DirectoryTree::DirectoryTree(const std::string& path) : name_(path) {
    root_ = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    struct stat st {};
    if (::fstat(root_.get(), &st) != 0) throw_errno(quoted(path));
    device_ = st.st_dev;
    entries_.emplace("", LintEntry{.kind = LintKind::directory,
                                   .mode = st.st_mode & kPermissionBits,
                                   .uid = st.st_uid,
                                   .gid = st.st_gid,
                                   .size = 0,
                                   .target = {}});
    read_directory(root_.get(), "", 0);
    compare_competing_files();
}

void DirectoryTree::read_directory(int fd, const std::string& path, std::size_t depth) {
    check_interrupt();
    if (depth > ostree::kMaxDepth) {
        throw Error(ErrorKind::too_large,
                    concat("directories deeper than ", ostree::kMaxDepth, ": ", quoted(path)));
    }
    Fd own(::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!own) throw_errno(concat("cannot read ", quoted(concat(name_, '/', path))));
    for (const std::string& name : names_in(std::move(own), concat(name_, '/', path))) {
        add_entry(fd, ostree::join_path(path, name), name, depth);
    }
}

void DirectoryTree::add_entry(int directory, const std::string& path, const std::string& name,
                              std::size_t depth) {
    if (entries_.size() > kMaxLintEntries) {
        throw Error(ErrorKind::too_large,
                    concat(quoted(name_), " has more than ", kMaxLintEntries, " files and directories"));
    }
    const std::string full = concat(name_, '/', path);
    struct stat st {};
    if (::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) throw_errno(quoted(full));
    LintEntry entry{.kind = LintKind::special,
                    .mode = st.st_mode & kPermissionBits,
                    .uid = st.st_uid,
                    .gid = st.st_gid,
                    .size = 0,
                    .target = {}};
    if (S_ISLNK(st.st_mode)) {
        entry.kind = LintKind::symlink;
        entry.target = read_target(directory, name, full);
    } else if (S_ISDIR(st.st_mode)) {
        entry.kind = LintKind::directory;
    } else if (S_ISREG(st.st_mode)) {
        entry.kind = LintKind::file;
        entry.size = static_cast<std::uint64_t>(st.st_size);
        entry.content = numbered(++next_content_);
        if (st.st_nlink > 1) {
            entry.content = linked_.try_emplace({st.st_dev, st.st_ino}, entry.content).first->second;
        }
    }
    const LintKind kind = entry.kind;
    entries_.emplace(path, std::move(entry));
    if (kind != LintKind::directory) return;
    const bool is_mount_point =
        st.st_dev != device_ && depth == 0 &&
        std::find(kMountPoints.begin(), kMountPoints.end(), name) != kMountPoints.end();
    if (is_mount_point) return;
    const Fd child(::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!child) throw_errno(concat("cannot read ", quoted(full)));
    read_directory(child.get(), path, depth + 1);
}

// Hashes the files that could be identical to another one: equal size, mode and owner.
void DirectoryTree::compare_competing_files() {
    using Key = std::tuple<std::uint64_t, std::uint32_t, std::uint32_t, std::uint32_t>;
    std::map<Key, std::vector<std::string>> by_size;
    for (const auto& [path, entry] : entries_) {
        if (entry.kind != LintKind::file || !may_compete(path)) continue;
        by_size[{entry.size, entry.mode, entry.uid, entry.gid}].push_back(path);
    }
    for (const auto& [key, paths] : by_size) {
        if (paths.size() < 2) continue;
        for (const std::string& path : paths) {
            LintEntry& entry = entries_.find(path)->second;
            entry.content = hash_of(*open(path), entry);
        }
    }
}

std::unique_ptr<Source> DirectoryTree::open(const std::string& path) const {
    Fd directory = open_at(root_.get(), ".", O_RDONLY | O_DIRECTORY);
    const std::vector<std::string_view> parts = ostree::split_path(path);
    if (parts.empty()) throw Error(ErrorKind::internal, "the root is not a file");
    const std::string full = concat(name_, '/', path);
    return with_context(
        [&] { return concat("cannot read ", quoted(full)); },
        [&]() -> std::unique_ptr<Source> {
            for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
                directory =
                    open_at(directory.get(), std::string(parts[i]), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
            }
            return std::make_unique<FdSource>(open_regular(directory.get(), std::string(parts.back())), full);
        });
}

}  // namespace osb::image
