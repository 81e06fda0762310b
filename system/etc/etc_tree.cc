#include "system/etc/etc_tree.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <optional>
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

std::string read_xattr(const std::string& path, const char* name) {
    std::string value;
    for (int tries = 0; tries < 3; ++tries) {
        const ssize_t size = ::lgetxattr(path.c_str(), name, nullptr, 0);
        if (size < 0) break;
        value.resize(static_cast<std::size_t>(size));
        const ssize_t got = ::lgetxattr(path.c_str(), name, value.data(), value.size());
        if (got >= 0) {
            value.resize(static_cast<std::size_t>(got));
            return value;
        }
        if (errno != ERANGE) break;
    }
    throw_errno(concat("cannot read the attribute ", quoted(name)));
}

std::map<std::string, std::string> read_xattrs(const std::string& path) {
    std::map<std::string, std::string> out;
    constexpr std::size_t kMaxNames = 65536;  // the kernel's limit
    std::string names(kMaxNames, '\0');
    const ssize_t size = ::llistxattr(path.c_str(), names.data(), names.size());
    if (size < 0) {
        if (errno == ENOTSUP) return out;
        throw_errno("cannot list the extended attributes");
    }
    const std::string_view list(names.data(), static_cast<std::size_t>(size));
    for (std::size_t at = 0; at < list.size();) {
        const std::string name(list.substr(at, list.find('\0', at) - at));
        at += name.size() + 1;
        out.emplace(name, read_xattr(path, name.c_str()));
    }
    return out;
}

std::string read_link(int directory, const std::string& name) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(directory, name.c_str(), target.data(), target.size());
    if (size < 0) throw_errno("cannot read the link");
    return {target.data(), static_cast<std::size_t>(size)};
}

std::string hash_file(int directory, const std::string& name) {
    FdSource source(open_regular(directory, name), name);
    Hasher hasher;
    std::array<std::uint8_t, 65536> buffer{};
    while (const std::size_t got = source.read(buffer)) hasher.update(ByteView(buffer).first(got));
    return hasher.finish_hex();
}

class EtcReader {
  public:
    explicit EtcReader(EtcContent content) : content_(content) {}

    EtcTree read(int directory) {
        struct stat st {};
        if (::fstat(directory, &st) != 0) throw_errno("cannot read the directory");
        tree_.emplace("", entry(st, concat("/proc/self/fd/", directory)));
        walk(open_at(directory, ".", O_RDONLY | O_DIRECTORY), "", 0);
        return std::move(tree_);
    }

  private:
    static EtcEntry entry(const struct stat& st, const std::string& path) {
        EtcEntry out;
        out.type = *etc_type(st.st_mode);
        out.mode = st.st_mode;
        out.uid = st.st_uid;
        out.gid = st.st_gid;
        out.mtime_seconds = st.st_mtim.tv_sec;
        out.mtime_nanoseconds = st.st_mtim.tv_nsec;
        // (The root is an open file: its link in /proc is followed by the "/." behind it.)
        out.xattrs = read_xattrs(S_ISDIR(st.st_mode) ? path + "/." : path);
        return out;
    }

    void walk(Fd fd, const std::string& prefix, std::size_t depth) {
        if (depth > kMaxEtcDepth) {
            throw Error(ErrorKind::too_large, concat("more than ", kMaxEtcDepth, " levels of directories"));
        }
        const EtcDir directory(::fdopendir(fd.get()));
        if (!directory) throw_errno("cannot read the directory");
        const int open = fd.release();
        while (const dirent* found = ::readdir(directory.get())) {
            const std::string name = found->d_name;
            if (name == "." || name == "..") continue;
            check_interrupt();
            const std::string path = concat(prefix, name);
            with_context([&] { return quoted(path); }, [&] { add(open, name, path, depth); });
        }
    }

    void add(int directory, const std::string& name, const std::string& path, std::size_t depth) {
        struct stat st {};
        if (::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) throw_errno("cannot read it");
        if (!etc_type(st.st_mode)) return;
        if (tree_.size() >= kMaxEtcEntries) {
            throw Error(ErrorKind::too_large, concat("more than ", kMaxEtcEntries, " files"));
        }
        EtcEntry out = entry(st, path_through(directory, name));
        if (out.type == EtcType::symlink) out.target = read_link(directory, name);
        if (out.type == EtcType::device) out.device = st.st_rdev;
        if (out.type == EtcType::file) {
            out.size = static_cast<std::uint64_t>(st.st_size);
            if (content_ == EtcContent::hashed) out.digest = hash_file(directory, name);
        }
        const bool is_directory = out.is_directory();
        tree_.emplace(path, std::move(out));
        if (!is_directory) return;
        walk(open_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), path + '/', depth + 1);
    }

    EtcContent content_;
    EtcTree tree_;
};

std::map<std::string, std::string> changeable_xattrs(const EtcEntry& entry) {
    std::map<std::string, std::string> out = entry.xattrs;
    out.erase(std::string(kSelinuxLabel));
    return out;
}

// Each value with its length before it, so that no two trees give the same bytes.
void hash_value(Hasher& hasher, std::string_view value) {
    hasher.update(concat(value.size(), ':'));
    hasher.update(value);
}

}  // namespace

EtcTree read_etc_tree(int directory, EtcContent content) {
    return EtcReader(content).read(directory);
}

bool same_metadata(const EtcEntry& a, const EtcEntry& b) {
    // The mode of a link means nothing, and differs between filesystems.
    const bool same_mode = a.mode == b.mode || (a.type == EtcType::symlink && b.type == a.type);
    return same_mode && a.uid == b.uid && a.gid == b.gid && changeable_xattrs(a) == changeable_xattrs(b);
}

bool same_entry(const EtcEntry& a, const EtcEntry& b) {
    return a.type == b.type && a.target == b.target && a.device == b.device && a.size == b.size &&
           a.digest == b.digest && same_metadata(a, b);
}

std::string fingerprint(const EtcTree& tree) {
    Hasher hasher;
    for (const auto& [path, entry] : tree) {
        hash_value(hasher, path);
        hash_value(hasher,
                   concat(entry.mode, ' ', entry.uid, ' ', entry.gid, ' ', entry.size, ' ', entry.device));
        // The time of a directory changes with every temporary file in it.
        if (!entry.is_directory())
            hash_value(hasher, concat(entry.mtime_seconds, ' ', entry.mtime_nanoseconds));
        hash_value(hasher, entry.target);
        for (const auto& [name, value] : entry.xattrs) {
            hash_value(hasher, name);
            hash_value(hasher, value);
        }
        hash_value(hasher, "");
    }
    return hasher.finish_hex();
}

}  // namespace osb::system
