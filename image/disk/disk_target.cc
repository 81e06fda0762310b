#include "image/disk/disk_target.hh"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/free_space.hh"
#include "image/disk/byte_size.hh"
#include "image/disk/partition_table.hh"
#include "image/disk/probe.hh"

namespace osb::image {
namespace {

void refuse_attached(int fd, const std::string& path) {
    const std::string loop = attached_loop_device(fd);
    if (loop.empty()) return;
    throw Error(ErrorKind::invalid, concat("the target ", quoted(path), " is in use as the device ", loop))
        .hint(concat("detach it first: losetup -d ", loop));
}

// A regular file in devtmpfs takes memory and is lost at the next restart. Its name is that of a disk that is
// not there.
void refuse_missing_device(const std::string& path) {
    std::error_code error;
    const std::filesystem::path real = std::filesystem::weakly_canonical(path, error);
    if (error || real.string().rfind("/dev/", 0) != 0 || real.string().rfind("/dev/shm/", 0) == 0) return;
    throw Error(ErrorKind::usage, concat("there is no device ", quoted(path)))
        .hint("'lsblk' lists the disks of this machine");
}

Error holds_data(const std::string& path, const std::string& what) {
    return Error(ErrorKind::invalid, concat("the target ", quoted(path), " holds ", what))
        .hint("use --wipe to overwrite it; everything on it will be lost");
}

}  // namespace

DiskTarget::DiskTarget(std::string path, bool wipe) : path_(std::move(path)), wipe_(wipe) {
    if (path_.empty()) throw Error(ErrorKind::usage, "the target is empty");
    struct stat st {};
    exists_ = ::stat(path_.c_str(), &st) == 0;
    if (!exists_ && errno != ENOENT) throw_errno(concat("cannot inspect the target ", quoted(path_)));
    if (!exists_ && ::lstat(path_.c_str(), &st) == 0 && S_ISLNK(st.st_mode)) {
        throw Error(ErrorKind::usage,
                    concat("the target ", quoted(path_), " is a symbolic link to a missing file"));
    }
    if (!exists_) refuse_missing_device(path_);
    if (!exists_ || S_ISREG(st.st_mode)) {
        inspect_file();
    } else if (S_ISBLK(st.st_mode)) {
        inspect_device();
    } else {
        throw Error(ErrorKind::usage,
                    concat("the target ", quoted(path_), " is neither a block device nor a file"));
    }
}

DiskTarget::~DiskTarget() {
    if (!published_ && !temporary_.empty()) ::unlinkat(directory_fd_.get(), temporary_.c_str(), 0);
}

void DiskTarget::inspect_device() {
    is_device_ = true;
    // O_EXCL: the kernel refuses a disk of which any part is mounted or otherwise in use.
    fd_ = Fd(::open(path_.c_str(), O_RDWR | O_EXCL | O_CLOEXEC));
    if (!fd_) {
        const int error = errno;
        if (error != EBUSY) throw errno_error(error, concat("cannot open the target ", quoted(path_)));
        const Fd look(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
        const std::string who = look ? describe_mounts(look.get()) : "";
        throw Error(ErrorKind::invalid,
                    concat("the target ", quoted(path_), " is ", who.empty() ? "in use" : who))
            .hint("unmount it first");
    }
    struct stat st {};
    if (::fstat(fd_.get(), &st) != 0 || !S_ISBLK(st.st_mode)) {
        throw Error(ErrorKind::usage, concat("the target ", quoted(path_), " is no longer a block device"));
    }
    const std::string sys = concat("/sys/dev/block/", major(st.st_rdev), ':', minor(st.st_rdev));
    std::error_code ignored;
    if (std::filesystem::exists(sys + "/partition", ignored)) {
        throw Error(ErrorKind::usage, concat("the target ", quoted(path_), " is a partition"))
            .hint("name the whole disk: osb-oci writes a partition table");
    }
    int read_only = 0;
    int sector = 0;
    std::uint64_t size = 0;
    if (::ioctl(fd_.get(), BLKROGET, &read_only) != 0 || ::ioctl(fd_.get(), BLKSSZGET, &sector) != 0 ||
        ::ioctl(fd_.get(), BLKGETSIZE64, &size) != 0) {
        throw_errno(concat("cannot inspect the target ", quoted(path_)));
    }
    if (read_only != 0) {
        throw Error(ErrorKind::invalid, concat("the target ", quoted(path_), " is read-only"));
    }
    if (sector != static_cast<int>(kSectorSize)) {
        throw Error(ErrorKind::unsupported, concat("the target ", quoted(path_), " has sectors of ", sector,
                                                   " bytes; SYSLINUX boots only from sectors of 512 bytes"));
    }
    refuse_attached(fd_.get(), path_);
    fixed_size_ = size;
    const std::string content = describe_content(fd_.get(), false);
    if (!content.empty() && !wipe_) throw holds_data(path_, content);
}

void DiskTarget::inspect_file() {
    std::error_code error;
    // Resolve a symbolic link: its target is the file to replace.
    const std::filesystem::path real =
        exists_ ? std::filesystem::canonical(path_, error) : std::filesystem::path(path_);
    if (error) throw errno_error(error.value(), concat("cannot inspect the target ", quoted(path_)));
    name_ = real.filename();
    directory_ = real.parent_path().empty() ? std::string(".") : real.parent_path().string();
    if (name_.empty() || name_ == "." || name_ == "..") {
        throw Error(ErrorKind::usage, concat("the target ", quoted(path_), " does not name a file"));
    }
    directory_fd_ = open_at(AT_FDCWD, directory_, O_RDONLY | O_DIRECTORY);
    if (::faccessat(directory_fd_.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
        throw_errno(concat("cannot make a file in ", quoted(directory_)));
    }
    if (!exists_) return;
    const Fd old = open_at(directory_fd_.get(), name_, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    struct stat st {};
    if (::fstat(old.get(), &st) != 0) throw_errno(concat("cannot inspect the target ", quoted(path_)));
    if (!S_ISREG(st.st_mode)) {
        throw Error(ErrorKind::usage, concat("the target ", quoted(path_), " is no longer a regular file"));
    }
    refuse_attached(old.get(), path_);
    const std::string content = describe_content(old.get(), true);
    if (!content.empty() && !wipe_) throw holds_data(path_, content);
    inspected_ = st;
    mode_ = st.st_mode & 0777U;
    if (st.st_size > 0) fixed_size_ = static_cast<std::uint64_t>(st.st_size);
}

void DiskTarget::check_space(std::uint64_t needed) const {
    const std::uint64_t free = free_space(directory_fd_.get(), directory_).bytes;
    if (needed <= free) return;
    throw Error(ErrorKind::no_space, concat("the disk image needs ", needed / kMebibyte, " MiB, but only ",
                                            free / kMebibyte, " MiB are free in ", quoted(directory_)));
}

Fd DiskTarget::create_unnamed() {
    // An unnamed file disappears however this process ends.
    Fd file(::openat(directory_fd_.get(), ".", O_RDWR | O_TMPFILE | O_CLOEXEC, mode_));
    if (file) return file;
    // Some filesystems do not support unnamed files. Use a name that the next run to the same target
    // replaces.
    const std::string name = concat('.', name_, ".osb-new");
    ::unlinkat(directory_fd_.get(), name.c_str(), 0);
    file = open_at(directory_fd_.get(), name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode_);
    temporary_ = name;
    return file;
}

void DiskTarget::replace(Fd file) {
    fd_ = std::move(file);
}

void DiskTarget::begin(std::uint64_t size, std::uint64_t needed) {
    size_ = size;
    if (!is_device_) {
        check_space(needed);
        fd_ = create_unnamed();
        if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
            throw_errno(concat("cannot make a file of ", size, " bytes in ", quoted(directory_)));
        }
        begun_ = true;
        return;
    }
    begun_ = true;
    // Clear both copies of the partition table, and the signature of a filesystem on the whole disk. The new
    // table is written last; until then the disk looks empty.
    const DiskArea whole = area();
    whole.zero(0, kMebibyte);
    whole.zero(size - kMebibyte, kMebibyte);
    if (::fsync(fd_.get()) != 0) throw_errno(concat("cannot sync ", quoted(path_)));
}

DiskArea DiskTarget::area() const {
    return {fd_.get(), 0, size_, !is_device_, quoted(path_)};
}

void DiskTarget::sync() const {
    if (::fsync(fd_.get()) != 0) throw_errno(concat("cannot sync ", quoted(path_)));
}

// Data that was written since the inspection was not checked.
void DiskTarget::check_unchanged() const {
    struct stat st {};
    if (::fstatat(directory_fd_.get(), name_.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return;
        throw_errno(concat("cannot inspect the target ", quoted(path_)));
    }
    const bool same = exists_ && st.st_dev == inspected_.st_dev && st.st_ino == inspected_.st_ino &&
                      st.st_size == inspected_.st_size && st.st_mtim.tv_sec == inspected_.st_mtim.tv_sec &&
                      st.st_mtim.tv_nsec == inspected_.st_mtim.tv_nsec;
    if (same) return;
    throw Error(ErrorKind::invalid, concat("the target ", quoted(path_), " was ",
                                           exists_ ? "changed" : "created", " by another process"))
        .hint("--wipe replaces it");
}

// Unlike a rename, a link never replaces an existing file. Returns false if the filesystem does not support
// links.
bool DiskTarget::link_new_name() {
    const std::string unnamed = concat("/proc/self/fd/", fd_.get());
    const int done =
        temporary_.empty()
            ? ::linkat(AT_FDCWD, unnamed.c_str(), directory_fd_.get(), name_.c_str(), AT_SYMLINK_FOLLOW)
            : ::linkat(directory_fd_.get(), temporary_.c_str(), directory_fd_.get(), name_.c_str(), 0);
    if (done != 0) {
        if (errno == EEXIST) check_unchanged();
        return false;
    }
    if (!temporary_.empty()) ::unlinkat(directory_fd_.get(), temporary_.c_str(), 0);
    return true;
}

void DiskTarget::replace_name() {
    if (temporary_.empty()) {
        const std::string name = concat('.', name_, ".osb-new");
        const std::string from = concat("/proc/self/fd/", fd_.get());
        ::unlinkat(directory_fd_.get(), name.c_str(), 0);
        if (::linkat(AT_FDCWD, from.c_str(), directory_fd_.get(), name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
            throw_errno(concat("cannot move the disk image to ", quoted(path_)));
        }
        temporary_ = name;
    }
    if (!wipe_) check_unchanged();
    if (::renameat(directory_fd_.get(), temporary_.c_str(), directory_fd_.get(), name_.c_str()) != 0) {
        throw_errno(concat("cannot move the disk image to ", quoted(path_)));
    }
}

void DiskTarget::publish() {
    if (is_device_) {
        // Without partition scanning, the kernel need not be notified.
        static_cast<void>(::ioctl(fd_.get(), BLKRRPART, 0));
        published_ = true;
        return;
    }
    if (wipe_ || exists_ || !link_new_name()) replace_name();
    published_ = true;
    if (::fsync(directory_fd_.get()) != 0) throw_errno(concat("cannot sync ", quoted(directory_)));
}

std::string DiskTarget::state() const {
    if (!begun_) return concat(quoted(path_), " is unchanged");
    if (published_) return concat(quoted(path_), " contains the new system");
    if (is_device_) {
        return concat(quoted(path_),
                      " contains part of a system and no partition table, so it does not boot; run the same "
                      "command again");
    }
    return exists_ ? concat(quoted(path_), " is unchanged") : concat(quoted(path_), " was not created");
}

}  // namespace osb::image
