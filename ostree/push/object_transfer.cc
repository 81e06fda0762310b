#include "ostree/push/object_transfer.hh"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/objects/repository_space.hh"

namespace osb::ostree {
namespace {

constexpr mode_t kObjectMode = 0644;  // of all objects in an archive repository

// Copies the rest of a file inside the kernel. Returns false if the filesystems do not support it.
bool copy_in_kernel(int from, int to, std::uint64_t size, const std::string& name) {
    std::uint64_t done = 0;
    while (done < size) {
        const ssize_t n = ::copy_file_range(from, nullptr, to, nullptr, size - done, 0);
        if (n < 0 && errno == EINTR) {
            check_interrupt();
            continue;
        }
        const bool unable = n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
                                      errno == EOPNOTSUPP || errno == EPERM);
        if (done == 0 && (unable || n == 0)) return false;
        if (n < 0) throw_errno(concat("cannot copy the object ", quoted(name)));
        if (n == 0)
            throw Error(ErrorKind::io, concat("the object ", quoted(name), " shrank while it was copied"));
        done += static_cast<std::uint64_t>(n);
    }
    return true;
}

void copy_by_hand(int from, int to, const std::string& name) {
    std::array<std::uint8_t, 16384> buffer{};
    for (;;) {
        check_interrupt();
        const ssize_t n = ::read(from, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw_errno(concat("cannot read the object ", quoted(name)));
        if (n == 0) return;
        write_all(to, {buffer.data(), static_cast<std::size_t>(n)}, name);
    }
}

}  // namespace

StoredObjects::StoredObjects(const Repository& repository) {
    for (OstreeRepo* repo = repository.handle().repo.get(); repo != nullptr;
         repo = ostree_repo_get_parent(repo)) {
        directories_.push_back({open_at(ostree_repo_get_dfd(repo), "objects", O_RDONLY | O_DIRECTORY),
                                ostree_repo_get_mode(repo) == OSTREE_REPO_MODE_ARCHIVE});
    }
}

std::optional<StoredObjects::Location> StoredObjects::find(const ObjectName& name) const {
    for (const Directory& directory : directories_) {
        if (name.type == ObjectType::file && !directory.archive) continue;
        std::string path = loose_path(name.checksum, name.type, directory.archive);
        struct stat st {};
        if (::fstatat(directory.objects.get(), path.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno != ENOENT) throw_errno(concat("cannot look up the object ", quoted(path)));
            continue;
        }
        if (!S_ISREG(st.st_mode))
            throw Error(ErrorKind::invalid, concat("the object ", quoted(path), " is not a regular file"));
        return Location{.objects = directory.objects.get(),
                        .path = std::move(path),
                        .owner = st.st_uid,
                        .device = st.st_dev,
                        .mode = st.st_mode & 07777U,
                        .size = static_cast<std::uint64_t>(st.st_size)};
    }
    return std::nullopt;
}

Fd StoredObjects::open(const ObjectName& name) const {
    const std::optional<Location> location = find(name);
    return location ? open_regular(location->objects, location->path) : Fd{};
}

ObjectTransfer::ObjectTransfer(const StoredObjects& source, const Repository& destination, Staging& staging)
    : source_(source), staging_(staging) {
    OstreeRepo* const repo = destination.handle().repo.get();
    space_left_ = space_left(ostree_repo_get_dfd(repo), min_free_space(repo));
    struct stat st {};
    if (::fstat(staging.fd(), &st) != 0) throw_errno("cannot stat the staging directory");
    owner_ = st.st_uid;
    device_ = st.st_dev;
    shared_group_ = (st.st_mode & S_ISGID) != 0;
}

// A hard link is as good as a copy if the file has the metadata of the destination's own files. Objects are
// never changed once they have their name. But the owner of a file can change it, so the owner must be that
// of the destination.
bool ObjectTransfer::may_link(const StoredObjects::Location& from) const noexcept {
    return from.device == device_ && from.owner == owner_ && from.mode == kObjectMode && !shared_group_;
}

void ObjectTransfer::copy(const StoredObjects::Location& from, const std::string& to) {
    const std::int64_t rounded = in_blocks(from.size);
    if (space_left_.fetch_sub(rounded) < rounded) {
        throw Error(ErrorKind::no_space,
                    "the destination would leave less than its reserve free on its filesystem")
            .hint("make room, or lower min-free-space-percent in the destination's config");
    }
    const Fd in = open_regular(from.objects, from.path);
    const Fd out = open_at(staging_.fd(), to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kObjectMode);
    // Override the umask, because a server may read the file as another user.
    if (::fchmod(out.get(), kObjectMode) != 0) throw_errno(concat("cannot chmod ", quoted(to)));
    if (::ioctl(out.get(), FICLONE, in.get()) == 0) return;
    if (!copy_in_kernel(in.get(), out.get(), from.size, from.path))
        copy_by_hand(in.get(), out.get(), from.path);
}

bool ObjectTransfer::transfer(const ObjectName& name) {
    const std::optional<StoredObjects::Location> from = source_.find(name);
    if (!from) return false;
    staging_.ensure_directory(name.checksum[0]);
    const std::string to = loose_path(name.checksum, name.type, /*archive=*/true);
    const bool linked =
        may_link(*from) && ::linkat(from->objects, from->path.c_str(), staging_.fd(), to.c_str(), 0) == 0;
    // After EMLINK, EPERM (fs.protected_hardlinks) or another error: make a copy, or report its error.
    if (!linked) copy(*from, to);
    bytes_.fetch_add(from->size, std::memory_order_relaxed);
    return true;
}

}  // namespace osb::ostree
