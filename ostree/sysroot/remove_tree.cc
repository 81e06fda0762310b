#include "ostree/sysroot/remove_tree.hh"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/interrupt.hh"
#include "base/random.hh"
#include "base/same_mount.hh"

namespace osb::ostree {
namespace {

// Each level keeps a file descriptor open. Deeper directories are moved to the top first.
constexpr int kMaxDepth = 100;
constexpr std::size_t kNameBytes = 8;

struct TreeListCloser {
    void operator()(DIR* list) const noexcept { ::closedir(list); }
};

// Returns true if a flag was cleared.
bool clear_open_flags(int fd) {
    int flags = 0;
    if (::ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return false;
    const int without = flags & ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
    return without != flags && ::ioctl(fd, FS_IOC_SETFLAGS, &without) == 0;
}

// Clears the flags of the directory, and of the entry if it has any.
bool clear_entry_flags(int directory, const std::string& name) {
    const bool of_directory = clear_open_flags(directory);
    struct stat st {};
    const bool has_flags = ::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                           (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
    if (!has_flags) return of_directory;
    const Fd entry(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    return (entry && clear_open_flags(entry.get())) || of_directory;
}

// Runs a call that removes or moves an entry. Repeats it without the flags that forbid that.
template<typename Call>
int without_flags(int directory, const std::string& name, const Call& call) {
    if (call() == 0) return 0;
    if (errno != EPERM && errno != EACCES) return -1;
    const int before = errno;
    if (clear_entry_flags(directory, name)) return call();
    errno = before;
    return -1;
}

class TreeRemover {
  public:
    void run(int directory, const std::string& name) {
        if (!remove_file(directory, name)) remove_tree_at(directory, name);
        if (mounted_.empty()) return;
        throw Error(ErrorKind::refused, concat(quoted(mounted_), " is a mounted filesystem"))
            .code("mounted_filesystem")
            .hint("unmount it, then repeat");
    }

  private:
    // Returns false if the entry is a directory, or has something mounted on it.
    static bool remove_file(int directory, const std::string& name) {
        check_interrupt();
        if (without_flags(directory, name, [&] { return ::unlinkat(directory, name.c_str(), 0); }) == 0 ||
            errno == ENOENT)
            return true;
        const int failure = errno;
        // POSIX allows EPERM for a directory.
        if (failure == EISDIR || failure == EBUSY) return false;
        if (failure == EPERM && is_directory(directory, name)) return false;
        throw errno_error(failure, concat("cannot remove ", quoted(name)));
    }

    static bool is_directory(int directory, const std::string& name) {
        struct stat st {};
        if (::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
            throw_errno(concat("cannot stat ", quoted(name)));
        return S_ISDIR(st.st_mode);
    }

    void remove_tree_at(int directory, const std::string& name) {
        std::optional<Fd> tree = open_same_mount(directory, name, O_RDONLY | O_DIRECTORY);
        if (!tree) return note_mounted(name);
        top_ = tree->get();
        do {
            has_moved_ = false;
            remove_entries(open_at(top_, ".", O_RDONLY | O_DIRECTORY), 1);
        } while (has_moved_);
        remove_empty(directory, name);
    }

    void remove_entries(Fd fd, int depth) {
        const std::unique_ptr<DIR, TreeListCloser> list(::fdopendir(fd.get()));
        if (!list) throw_errno("cannot read a directory");
        const int open = fd.release();
        while (const dirent* found = ::readdir(list.get())) {
            const std::string name = found->d_name;
            if (name != "." && name != "..") remove(open, name, depth);
        }
    }

    void remove(int directory, const std::string& name, int depth) {
        if (remove_file(directory, name)) return;
        if (!is_directory(directory, name)) return note_mounted(name);
        std::optional<Fd> below = open_same_mount(directory, name, O_RDONLY | O_DIRECTORY);
        if (!below) return note_mounted(name);
        if (depth >= kMaxDepth) return move_up(directory, name);
        remove_entries(std::move(*below), depth + 1);
        remove_empty(directory, name);
    }

    // A directory that holds a mount point stays.
    void remove_empty(int directory, const std::string& name) {
        if (without_flags(directory, name,
                          [&] { return ::unlinkat(directory, name.c_str(), AT_REMOVEDIR); }) == 0 ||
            errno == ENOENT)
            return;
        if (errno == EBUSY) return note_mounted(name);
        if (errno == ENOTEMPTY && !mounted_.empty()) return;
        throw_errno(concat("cannot remove ", quoted(name)));
    }

    void note_mounted(const std::string& name) {
        if (mounted_.empty()) mounted_ = name;
    }

    // To the top of the tree, which is read again.
    void move_up(int directory, const std::string& name) {
        const std::string place = concat(".deep-", random_hex(kNameBytes));
        if (without_flags(directory, name,
                          [&] { return ::renameat(directory, name.c_str(), top_, place.c_str()); }) == 0) {
            has_moved_ = true;
        } else if (errno == EBUSY) {
            note_mounted(name);
        } else {
            throw_errno(concat("cannot move ", quoted(name)));
        }
    }

    int top_ = -1;
    bool has_moved_ = false;
    std::string mounted_;  // the first entry that something is mounted on
};

}  // namespace

void remove_tree(int directory, const std::string& name) {
    TreeRemover().run(directory, name);
}

}  // namespace osb::ostree
