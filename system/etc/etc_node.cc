#include "system/etc/etc_node.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/hash.hh"

namespace osb::system {
namespace {

constexpr mode_t kMadeDirectory = 0700;
constexpr mode_t kMadeFile = 0600;
constexpr mode_t kPermissions = 07777;
constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

// The path resolves to the open file, even if that is a symbolic link, and no further.
std::string proc_path(int fd) {
    return concat("/proc/self/fd/", fd);
}

void set_xattrs(int fd, const EtcEntry& entry) {
    const std::string path = proc_path(fd);
    // Attributes that it inherited from its directory.
    for (const char* inherited : {"system.posix_acl_access", "system.posix_acl_default"}) {
        if (!entry.xattrs.contains(inherited)) ::removexattr(path.c_str(), inherited);
    }
    for (const auto& [name, value] : entry.xattrs) {
        if (::setxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) != 0) {
            // A label without a policy in this kernel is not a loss.
            if (name == kSelinuxLabel) continue;
            throw_errno(concat("cannot set the attribute ", quoted(name)));
        }
    }
}

void set_times_of(int directory, const std::string& name, int flags, const EtcEntry& entry) {
    const timespec mtime{.tv_sec = entry.mtime_seconds, .tv_nsec = entry.mtime_nanoseconds};
    const std::array<timespec, 2> times{mtime, mtime};
    if (::utimensat(directory, name.c_str(), times.data(), flags) != 0) throw_errno("cannot set the time");
}

Error source_changed(const std::string& path) {
    return {ErrorKind::not_found, concat(quoted(path), " has changed while it was copied")};
}

// Checks that the open file is the one that the plan was made from, not another file that got its name
// meanwhile. With `takes_changed_content` it may be another one with the same owner, mode and attributes: its
// copy is then for the same eyes. Returns its size.
std::uint64_t check_source(int fd, const EtcStep& step, bool takes_changed_content) {
    const EtcEntry found = read_open_entry(fd);
    const EtcEntry& planned = step.entry;
    const bool is_unchanged = found.inode == planned.inode && found.size == planned.size &&
                              found.mtime_seconds == planned.mtime_seconds &&
                              found.mtime_nanoseconds == planned.mtime_nanoseconds &&
                              found.ctime_seconds == planned.ctime_seconds &&
                              found.ctime_nanoseconds == planned.ctime_nanoseconds;
    if (found.filesystem != planned.filesystem || !same_metadata(found, planned) ||
        !(is_unchanged || takes_changed_content))
        throw source_changed(step.source);
    return std::min(found.size, kMaxEtcFile);
}

// Copies the content that the file has at the beginning. Blocks of zeros become holes. Verifies the digest of
// the copied data, unless the content may be another one.
void copy_content(Fd from, int to, const EtcStep& step, bool takes_changed_content) {
    std::uint64_t left = check_source(from.get(), step, takes_changed_content);
    FdSource source(std::move(from), step.source);
    Hasher hasher;
    std::array<std::uint8_t, 65536> buffer{};
    std::uint64_t copied = 0;
    while (left > 0) {
        const MutableBytes room = MutableBytes(buffer).first(std::min<std::uint64_t>(left, buffer.size()));
        const std::size_t got = source.read(room);
        if (got == 0) break;
        const ByteView bytes = ByteView(buffer).first(got);
        hasher.update(bytes);
        copied += got;
        left -= got;
        if (std::any_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte != 0; })) {
            write_all(to, bytes, step.source);
        } else if (::lseek(to, static_cast<off_t>(got), SEEK_CUR) < 0) {
            throw_errno("cannot seek");
        }
    }
    if (!takes_changed_content && hasher.finish_hex() != step.entry.digest) throw source_changed(step.source);
    if (::ftruncate(to, static_cast<off_t>(copied)) != 0) throw_errno("cannot set the size");
}

Fd make_file(const EtcPosition& position, const EtcStep& step, const EtcSources& sources) {
    Fd file =
        open_at(position.directory.get(), position.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kMadeFile);
    if (step.action == EtcAction::join) {
        write_all(file.get(), as_bytes(step.text), step.source);
        return file;
    }
    const int root = step.action == EtcAction::image ? sources.image : sources.local;
    const EtcPosition from = find_position(root, step.source);
    copy_content(open_regular(from.directory.get(), from.name), file.get(), step,
                 sources.takes_changed_content);
    return file;
}

// Opens an entry that was just made, if it has the right type and owner.
Fd open_made(const EtcPosition& position, const EtcEntry& entry) {
    Fd out = open_at(position.directory.get(), position.name, O_PATH | O_NOFOLLOW);
    struct stat st {};
    if (::fstat(out.get(), &st) != 0) throw_errno("cannot read it");
    if ((st.st_mode & S_IFMT) != (entry.mode & S_IFMT) || st.st_uid != ::geteuid())
        throw Error(ErrorKind::io, "it was replaced while it was made");
    return out;
}

}  // namespace

// Owner first, because a change of the owner clears set-user-ID bits and capabilities. Mode last, because its
// group bits are the mask of the ACL.
void set_node_metadata(int fd, const EtcEntry& entry) {
    if (::fchownat(fd, "", entry.uid, entry.gid, AT_EMPTY_PATH) != 0) throw_errno("cannot set the owner");
    set_xattrs(fd, entry);
    if (entry.type == EtcType::symlink) return;
    if (::chmod(proc_path(fd).c_str(), entry.mode & kPermissions) != 0) throw_errno("cannot set the mode");
}

EtcPosition find_position(int root, const std::string& path) {
    EtcPosition out{.directory = open_at(root, ".", O_RDONLY | O_DIRECTORY), .name = {}};
    std::size_t at = 0;
    for (std::size_t slash = 0; (slash = path.find('/', at)) != std::string::npos; at = slash + 1)
        out.directory = open_at(out.directory.get(), path.substr(at, slash - at), kOpenDirectory);
    out.name = path.substr(at);
    return out;
}

void make_node(const EtcPosition& position, const EtcStep& step, const EtcSources& sources) {
    const int directory = position.directory.get();
    const char* name = position.name.c_str();
    Fd made;
    int failed = 0;
    switch (step.entry.type) {
        case EtcType::directory:
            failed = ::mkdirat(directory, name, kMadeDirectory);
            break;
        case EtcType::file:
            made = make_file(position, step, sources);
            break;
        case EtcType::symlink:
            failed = ::symlinkat(step.entry.target.c_str(), directory, name);
            break;
        case EtcType::device:
        case EtcType::fifo:
            failed = ::mknodat(directory, name, (step.entry.mode & S_IFMT) | kMadeFile, step.entry.device);
            break;
    }
    if (failed != 0) throw_errno("cannot create it");
    if (!made) made = open_made(position, step.entry);
    set_node_metadata(made.get(), step.entry);
    // A joined file is new.
    if (!step.entry.is_directory() && step.action != EtcAction::join)
        set_times_of(AT_FDCWD, proc_path(made.get()), 0, step.entry);
}

void set_directory_metadata(const EtcPosition& position, const EtcEntry& entry) {
    set_node_metadata(open_at(position.directory.get(), position.name, kOpenDirectory).get(), entry);
}

void remove_other_xattrs(const EtcPosition& position, const EtcEntry& present, const EtcEntry& wanted) {
    const Fd directory = open_at(position.directory.get(), position.name, kOpenDirectory);
    for (const auto& [name, value] : present.xattrs) {
        if (wanted.xattrs.contains(name) || name == kSelinuxLabel) continue;
        if (::fremovexattr(directory.get(), name.c_str()) != 0 && errno != ENODATA)
            throw_errno(concat("cannot remove the attribute ", quoted(name)));
    }
}

void set_times(const EtcPosition& position, const EtcEntry& entry) {
    set_times_of(position.directory.get(), position.name, AT_SYMLINK_NOFOLLOW, entry);
}

}  // namespace osb::system
