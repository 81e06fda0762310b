#include "system/etc/etc_tree.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/hash.hh"
#include "base/interrupt.hh"

namespace osb::system {
namespace {

struct EtcDirCloser {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};
using EtcDir = std::unique_ptr<DIR, EtcDirCloser>;

std::optional<EtcType> etc_type(mode_t mode) {
    if (S_ISDIR(mode)) return EtcType::directory;
    if (S_ISREG(mode)) return EtcType::file;
    if (S_ISLNK(mode)) return EtcType::symlink;
    if (S_ISCHR(mode) || S_ISBLK(mode)) return EtcType::device;
    if (S_ISFIFO(mode)) return EtcType::fifo;
    return std::nullopt;
}

// The calls for extended attributes of a link, a device or a FIFO take a path, not an open file.
std::string path_through(int directory, const std::string& name) {
    return concat("/proc/self/fd/", directory, '/', name);
}

// Calls for a path, which do not follow a link; or for an open file through its link in /proc, which is
// followed.
struct XattrCalls {
    ssize_t (*list)(const char* path, char* list, std::size_t size);
    ssize_t (*get)(const char* path, const char* name, void* value, std::size_t size);
};
constexpr XattrCalls kOfPath{.list = ::llistxattr, .get = ::lgetxattr};
constexpr XattrCalls kOfOpen{.list = ::listxattr, .get = ::getxattr};

std::string read_xattr(const XattrCalls& calls, const std::string& path, const char* name) {
    std::string value;
    for (int tries = 0; tries < 3; ++tries) {
        const ssize_t size = calls.get(path.c_str(), name, nullptr, 0);
        if (size < 0) break;
        value.resize(static_cast<std::size_t>(size));
        const ssize_t got = calls.get(path.c_str(), name, value.data(), value.size());
        if (got >= 0) {
            value.resize(static_cast<std::size_t>(got));
            return value;
        }
        if (errno != ERANGE) break;
    }
    throw_errno(concat("cannot read the attribute ", quoted(name)));
}

std::map<std::string, std::string> read_xattrs(const XattrCalls& calls, const std::string& path) {
    std::map<std::string, std::string> out;
    constexpr std::size_t kMaxNames = 65536;  // the kernel's limit
    std::string names(kMaxNames, '\0');
    const ssize_t size = calls.list(path.c_str(), names.data(), names.size());
    if (size < 0) {
        if (errno == ENOTSUP) return out;
        throw_errno("cannot list the extended attributes");
    }
    const std::string_view list(names.data(), static_cast<std::size_t>(size));
    for (std::size_t at = 0; at < list.size();) {
        const std::string name(list.substr(at, list.find('\0', at) - at));
        at += name.size() + 1;
        out.emplace(name, read_xattr(calls, path, name.c_str()));
    }
    return out;
}

std::string read_link(int directory, const std::string& name) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(directory, name.c_str(), target.data(), target.size());
    if (size < 0) throw_errno("cannot read the link");
    return {target.data(), static_cast<std::size_t>(size)};
}

// Of a file that grows meanwhile, such as a log, counts what it had.
std::string hash_file(int directory, const std::string& name, std::uint64_t size) {
    FdSource source(open_regular(directory, name), name);
    Hasher hasher;
    std::array<std::uint8_t, 65536> buffer{};
    while (size > 0) {
        const std::size_t wanted = std::min<std::uint64_t>(size, buffer.size());
        const std::size_t got = source.read(MutableBytes(buffer).first(wanted));
        if (got == 0) break;
        hasher.update(ByteView(buffer).first(got));
        size -= got;
    }
    return hasher.finish_hex();
}

EtcEntry metadata_of(const struct stat& st) {
    EtcEntry out;
    out.type = *etc_type(st.st_mode);
    out.mode = st.st_mode;
    out.uid = st.st_uid;
    out.gid = st.st_gid;
    out.mtime_seconds = st.st_mtim.tv_sec;
    out.mtime_nanoseconds = st.st_mtim.tv_nsec;
    out.ctime_seconds = st.st_ctim.tv_sec;
    out.ctime_nanoseconds = st.st_ctim.tv_nsec;
    out.filesystem = st.st_dev;
    out.inode = st.st_ino;
    if (out.type == EtcType::file) out.size = static_cast<std::uint64_t>(st.st_size);
    return out;
}

// A directory that is being read.
struct EtcPlace {
    std::string prefix;  // of the paths of its entries: "" or with a slash at the end
    std::size_t depth = 0;
    bool is_foreign = false;  // another user than root can write here
};

class EtcReader {
  public:
    EtcReader(EtcContent content, std::vector<std::string>* left_out)
        : content_(content), left_out_(left_out) {}

    EtcTree read(int directory) {
        struct stat st {};
        if (::fstat(directory, &st) != 0) throw_errno("cannot read the directory");
        EtcEntry root = metadata_of(st);
        root.xattrs = read_xattrs(kOfOpen, concat("/proc/self/fd/", directory));
        tree_.emplace("", std::move(root));
        walk(open_at(directory, ".", O_RDONLY | O_DIRECTORY), {});
        return std::move(tree_);
    }

  private:
    void walk(Fd fd, const EtcPlace& place) {
        const EtcDir directory(::fdopendir(fd.get()));
        if (!directory) throw_errno("cannot read the directory");
        const int open = fd.release();
        while (const dirent* found = ::readdir(directory.get())) {
            const std::string name = found->d_name;
            if (name == "." || name == "..") continue;
            check_interrupt();
            const std::string path = concat(place.prefix, name);
            Added added;
            with_context([&] { return quoted(path); }, [&] { added = add(open, name, path, place); });
            if (added.is_full) return;
            if (added.below) walk(std::move(added.directory), *added.below);
        }
    }

    void leave_out(const std::string& path, std::string_view why) {
        if (left_out_ != nullptr) left_out_->push_back(concat("/etc/", escape(path), " is left out: ", why));
    }

    // Returns true if there is room for one more entry. Users other than root cannot stop a merge with too
    // many files.
    bool has_room(const std::string& path, const EtcPlace& place) {
        std::size_t& count = place.is_foreign ? foreign_ : own_;
        if (++count <= kMaxEtcEntries) return true;
        const std::string why = concat("more than ", kMaxEtcEntries, " files");
        if (!place.is_foreign) throw Error(ErrorKind::too_large, why);
        if (!is_full_) leave_out(path, concat(why, " in directories that root does not own"));
        is_full_ = true;
        return false;
    }

    struct Added {
        bool is_full = false;           // the directory has no more room
        std::optional<EtcPlace> below;  // to be read next, through `directory`
        Fd directory;
    };

    Added add(int directory, const std::string& name, const std::string& path, const EtcPlace& place) {
        struct stat st {};
        if (::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT) return {};  // gone since the directory was listed
            throw_errno("cannot read it");
        }
        if (!etc_type(st.st_mode)) return {};
        if (!has_room(path, place)) return {.is_full = true};
        EtcEntry out = metadata_of(st);
        if (out.size > kMaxEtcFile) {
            leave_out(path, concat("a file of more than ", kMaxEtcFile, " bytes"));
            return {};
        }
        const EtcPlace below{
            .prefix = path + '/', .depth = place.depth + 1, .is_foreign = place.is_foreign || st.st_uid != 0};
        if (out.is_directory() && below.depth > kMaxEtcDepth) {
            const std::string why = concat("more than ", kMaxEtcDepth, " levels of directories");
            if (!place.is_foreign) throw Error(ErrorKind::too_large, why);
            leave_out(path, why);
            return {};
        }
        out.xattrs = read_xattrs(kOfPath, path_through(directory, name));
        if (out.type == EtcType::symlink) out.target = read_link(directory, name);
        if (out.type == EtcType::device) out.device = st.st_rdev;
        if (out.type == EtcType::file && content_ == EtcContent::hashed)
            out.digest = hash_file(directory, name, out.size);
        const bool is_directory = out.is_directory();
        tree_.emplace(path, std::move(out));
        if (!is_directory) return {};
        return {.below = below, .directory = open_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)};
    }

    EtcContent content_;
    std::vector<std::string>* left_out_;
    EtcTree tree_;
    std::size_t own_ = 0;      // entries in directories that root owns up to the top
    std::size_t foreign_ = 0;  // the others
    bool is_full_ = false;     // the limit of foreign_ was reported
};

std::map<std::string, std::string> changeable_xattrs(const EtcEntry& entry) {
    std::map<std::string, std::string> out = entry.xattrs;
    out.erase(std::string(kSelinuxLabel));
    return out;
}

// Hashes each value with its length before it, so that different trees give different bytes.
void hash_value(Hasher& hasher, std::string_view value) {
    hasher.update(concat(value.size(), ':'));
    hasher.update(value);
}

}  // namespace

EtcTree read_etc_tree(int directory, EtcContent content, std::vector<std::string>* left_out) {
    return EtcReader(content, left_out).read(directory);
}

EtcEntry read_open_entry(int fd) {
    struct stat st {};
    if (::fstat(fd, &st) != 0 || !etc_type(st.st_mode)) throw_errno("cannot read it");
    EtcEntry out = metadata_of(st);
    out.xattrs = read_xattrs(kOfOpen, concat("/proc/self/fd/", fd));
    return out;
}

bool same_metadata(const EtcEntry& a, const EtcEntry& b) {
    // The mode of a link has no meaning, and differs between filesystems.
    const bool same_mode = a.mode == b.mode || (a.type == EtcType::symlink && b.type == a.type);
    return same_mode && a.uid == b.uid && a.gid == b.gid && changeable_xattrs(a) == changeable_xattrs(b);
}

bool same_entry(const EtcEntry& a, const EtcEntry& b) {
    return a.type == b.type && a.target == b.target && a.device == b.device && a.size == b.size &&
           a.digest == b.digest && same_metadata(a, b);
}

namespace {

std::string hash_tree(const EtcTree& tree, bool with_changes) {
    Hasher hasher;
    for (const auto& [path, entry] : tree) {
        hash_value(hasher, path);
        hash_value(hasher,
                   concat(entry.mode, ' ', entry.uid, ' ', entry.gid, ' ', entry.size, ' ', entry.device));
        // The time of a directory changes with every temporary file in it.
        if (!entry.is_directory())
            hash_value(hasher, concat(entry.mtime_seconds, ' ', entry.mtime_nanoseconds));
        if (with_changes && !entry.is_directory())
            hash_value(hasher, concat(entry.ctime_seconds, ' ', entry.ctime_nanoseconds));
        hash_value(hasher, entry.target);
        for (const auto& [name, value] : entry.xattrs) {
            hash_value(hasher, name);
            hash_value(hasher, value);
        }
        hash_value(hasher, "");
    }
    return hasher.finish_hex();
}

}  // namespace

std::string fingerprint(const EtcTree& tree) {
    return hash_tree(tree, false);
}

std::string source_fingerprint(const EtcTree& tree) {
    return hash_tree(tree, true);
}

}  // namespace osb::system
