#include "ostree/objects/staging.hh"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/file_lock.hh"
#include "base/hash.hh"
#include "base/interrupt.hh"
#include "base/log.hh"
#include "base/random.hh"

namespace osb::ostree {
namespace {

constexpr std::string_view kStagingPrefix = "osb-import-";
constexpr mode_t kDirectoryMode = 0775;  // reduced by the umask, as in libostree
// Other users cannot access unverified objects.
constexpr mode_t kStagingMode = 0700;

struct DirDeleter {
    void operator()(DIR* dir) const noexcept { ::closedir(dir); }
};

// The names in a directory, without "." and "..".
std::vector<std::string> list(int dirfd) {
    Fd own = open_at(dirfd, ".", O_RDONLY | O_DIRECTORY);
    const std::unique_ptr<DIR, DirDeleter> dir(::fdopendir(own.get()));
    if (!dir) throw_errno("cannot list a directory of the repository");
    static_cast<void>(own.release());  // closedir() closes it
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(dir.get());  // NOLINT(concurrency-mt-unsafe): the stream is our own
        if (entry == nullptr) break;
        const std::string_view name = static_cast<const char*>(entry->d_name);
        if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) throw_errno("cannot list a directory of the repository");
    return names;
}

// Removes a tree of two levels: a staging directory has objects, and directories of objects.
void remove_staging(int dirfd, const std::string& path) {
    const Fd dir = open_at(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    for (const std::string& name : list(dir.get())) {
        if (::unlinkat(dir.get(), name.c_str(), 0) == 0) continue;
        if (errno != EISDIR && errno != EPERM) throw_errno(concat("cannot remove ", quoted(name)));
        const Fd sub = open_at(dir.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        for (const std::string& object : list(sub.get())) ::unlinkat(sub.get(), object.c_str(), 0);
        if (::unlinkat(dir.get(), name.c_str(), AT_REMOVEDIR) != 0)
            throw_errno(concat("cannot remove ", quoted(name)));
    }
    if (::unlinkat(dirfd, path.c_str(), AT_REMOVEDIR) != 0)
        throw_errno(concat("cannot remove ", quoted(path)));
}

// Removes the directory of a killed run. A live run holds its lock.
void remove_abandoned(int tmp_fd, const std::string& name) {
    try {
        const Fd dir = open_at(tmp_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (::flock(dir.get(), LOCK_EX | LOCK_NB) == 0) remove_staging(tmp_fd, name);
    } catch (const Error& error) {
        // Another run may be removing it at the same time.
        log_debug(concat("left over from an earlier run: ", error.message()));
    }
}

// Returns false if another run has the lock. Removes the directory if it cannot be locked at all.
bool lock_staging(int repo_fd, const std::string& path, int fd) {
    try {
        return try_lock_file(fd, path);
    } catch (const Error&) {
        ::unlinkat(repo_fd, path.c_str(), AT_REMOVEDIR);
        throw;
    }
}

std::string random_name() {
    return concat(kStagingPrefix, random_hex(8));
}

bool still_named(int dirfd, const std::string& path, int fd) {
    struct stat named {};
    struct stat opened {};
    return ::fstatat(dirfd, path.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 && ::fstat(fd, &opened) == 0 &&
           named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
}

// Calls renameat2 as a system call: musl has no wrapper before 1.2.6. Returns false if the target exists.
bool rename_noreplace(int from_fd, const std::string& from, int to_fd, const std::string& to) {
    if (::syscall(SYS_renameat2, from_fd, from.c_str(), to_fd, to.c_str(), RENAME_NOREPLACE) == 0)
        return true;
    if (errno == EEXIST || errno == ENOTEMPTY) return false;
    if (errno != EINVAL && errno != ENOSYS) throw_errno(concat("cannot rename ", quoted(from)));
    // The filesystem does not support it. Other writers of this name write the same bytes, so a race is
    // harmless.
    if (::faccessat(to_fd, to.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return false;
    if (::renameat(from_fd, from.c_str(), to_fd, to.c_str()) != 0)
        throw_errno(concat("cannot rename ", quoted(from)));
    return true;
}

}  // namespace

void remove_abandoned_staging(int repo_fd) {
    try {
        const Fd tmp = open_at(repo_fd, "tmp", O_RDONLY | O_DIRECTORY);
        for (const std::string& name : list(tmp.get())) {
            if (name.starts_with(kStagingPrefix)) remove_abandoned(tmp.get(), name);
        }
    } catch (const Error& error) {
        log_debug(concat("left over from an earlier run: ", error.message()));
    }
}

Staging::Staging(int repo_fd) : repo_fd_(repo_fd) {
    const mode_t mask = ::umask(0);
    ::umask(mask);
    directory_mode_ = kDirectoryMode & ~mask;
    if (::mkdirat(repo_fd, "tmp", kDirectoryMode) != 0 && errno != EEXIST) throw_errno("cannot create 'tmp'");
    remove_abandoned_staging(repo_fd);
    for (;;) {
        path_ = "tmp/" + random_name();
        if (::mkdirat(repo_fd_, path_.c_str(), kStagingMode) != 0)
            throw_errno(concat("cannot create ", quoted(path_)));
        try {
            dir_ = open_at(repo_fd_, path_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::not_found) throw;
            continue;
        }
        if (lock_staging(repo_fd_, path_, dir_.get()) && still_named(repo_fd_, path_, dir_.get())) return;
        // Another run removed it as abandoned before it was locked.
        check_interrupt();
    }
}

Staging::~Staging() {
    try {
        remove_staging(repo_fd_, path_);
    } catch (const Error& error) {
        log_debug(concat("cannot remove staged objects: ", error.message()));
    }
}

void Staging::ensure_directory(std::uint8_t first_byte) {
    if (have_directory_[first_byte].load(std::memory_order_acquire)) return;
    const std::lock_guard lock(mutex_);
    if (have_directory_[first_byte].load(std::memory_order_relaxed)) return;
    const std::string name = to_hex({&first_byte, 1});
    if (::mkdirat(dir_.get(), name.c_str(), kStagingMode) != 0)
        throw_errno(concat("cannot create ", quoted(name)));
    have_directory_[first_byte].store(true, std::memory_order_release);
}

std::string Staging::unique_name() {
    return concat("stream-", counter_.fetch_add(1));
}

void Staging::publish(bool sync) {
    // Sync the filesystem once instead of once per object, before the first rename: after a power cut, an
    // object with its name but without its content would count as valid.
    if (sync && ::syncfs(dir_.get()) != 0) throw_errno("cannot write the repository's objects to the disk");
    const Fd objects = open_at(repo_fd_, "objects", O_RDONLY | O_DIRECTORY);
    for (unsigned byte = 0; byte < have_directory_.size(); ++byte) {
        if (!have_directory_[byte].load(std::memory_order_acquire)) continue;
        const auto value = static_cast<std::uint8_t>(byte);
        publish_directory(objects.get(), to_hex({&value, 1}));
    }
}

void Staging::publish_directory(int objects_fd, const std::string& name) const {
    const Fd from = open_at(dir_.get(), name, O_RDONLY | O_DIRECTORY);
    struct stat st {};
    if (::fstat(from.get(), &st) != 0) throw_errno(concat("cannot stat ", quoted(name)));
    if (::fchmod(from.get(), directory_mode_ | (st.st_mode & S_ISGID)) != 0)
        throw_errno(concat("cannot chmod ", quoted(name)));
    // A new repository has no objects/XX yet, so the whole directory moves with one rename.
    if (rename_noreplace(dir_.get(), name, objects_fd, name)) return;
    const Fd to = open_at(objects_fd, name, O_RDONLY | O_DIRECTORY);
    for (const std::string& object : list(from.get())) rename_noreplace(from.get(), object, to.get(), object);
}

}  // namespace osb::ostree
