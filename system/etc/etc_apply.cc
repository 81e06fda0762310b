#include "system/etc/etc_apply.hh"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/hash.hh"
#include "base/interrupt.hh"
#include "base/state_file.hh"
#include "ostree/sysroot/immutable_flags.hh"

namespace osb::system {
namespace {

constexpr std::size_t kMaxAccountFile = 16UL * 1024 * 1024;
constexpr const char* kNewEtc = ".osb-etc-new";
constexpr const char* kOldEtc = ".osb-etc-old";  // between two renames
constexpr mode_t kPrivateDirectory = 0700;

struct ListCloser {
    void operator()(DIR* list) const noexcept { ::closedir(list); }
};

void try_remove_tree(int directory, const std::string& name) {
    if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return;
    if (errno != EISDIR) throw_errno(concat("cannot remove ", quoted(name)));
    Fd fd = open_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    const std::unique_ptr<DIR, ListCloser> list(::fdopendir(fd.get()));
    if (!list) throw_errno(concat("cannot read ", quoted(name)));
    const int open = fd.release();
    while (const dirent* found = ::readdir(list.get())) {
        const std::string below = found->d_name;
        if (below != "." && below != "..") try_remove_tree(open, below);
    }
    if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) != 0)
        throw_errno(concat("cannot remove ", quoted(name)));
}

// Removes the entry of that name and everything below it. Does not follow links. Removes immutable files too.
void remove_tree(int directory, const std::string& name) {
    try {
        try_remove_tree(directory, name);
    } catch (const Error&) {
        if (ostree::clear_immutable_flags(concat("/proc/self/fd/", directory, '/', name)) == 0) throw;
        try_remove_tree(directory, name);
    }
}

// libostree makes the deployment's own directory immutable, so that nothing is created in the root directory
// of the system by mistake. This object makes it mutable for its lifetime.
class MutableScope {
  public:
    explicit MutableScope(int directory) : directory_(directory) {
        if (::ioctl(directory, FS_IOC_GETFLAGS, &flags_) != 0) return;
        const int without = flags_ & ~FS_IMMUTABLE_FL;
        if (without == flags_) return;
        if (::ioctl(directory, FS_IOC_SETFLAGS, &without) != 0)
            throw_errno("cannot make the deployment's directory mutable");
        changed_ = true;
    }
    MutableScope(const MutableScope&) = delete;
    MutableScope& operator=(const MutableScope&) = delete;
    ~MutableScope() {
        if (changed_) ::ioctl(directory_, FS_IOC_SETFLAGS, &flags_);
    }

  private:
    int directory_;
    int flags_ = 0;
    bool changed_ = false;
};

void make_immutable(int directory) {
    int flags = 0;
    if (::ioctl(directory, FS_IOC_GETFLAGS, &flags) != 0) return;  // a filesystem without flags
    const int with = flags | FS_IMMUTABLE_FL;
    if (::ioctl(directory, FS_IOC_SETFLAGS, &with) != 0 && errno != EOPNOTSUPP)
        throw_errno("cannot make the deployment's directory immutable");
}

bool has_entry(int directory, const char* name) {
    if (::faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) return true;
    if (errno != ENOENT) throw_errno(concat("cannot read ", quoted(name)));
    return false;
}

// Existing entries keep their labels: libostree has set them according to the policy.
void keep_label(EtcEntry& entry, const EtcTree& present, const std::string& path) {
    const auto found = present.find(path);
    if (found == present.end()) return;
    const auto label = found->second.xattrs.find(std::string(kSelinuxLabel));
    if (label != found->second.xattrs.end()) entry.xattrs.insert_or_assign(label->first, label->second);
}

bool is_missing(int root, const std::string& path) {
    struct stat st {};
    try {
        const EtcPosition place = find_position(root, path);
        return ::fstatat(place.directory.get(), place.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 &&
               errno == ENOENT;
    } catch (const Error& error) {
        return error.kind() == ErrorKind::not_found;
    }
}

// A temporary file of a program may have gone since the plan was made. It is left out if that is no reason
// for another try.
void make_new(const EtcPosition& place, const EtcStep& step, const EtcSources& sources) {
    try {
        make_node(place, step, sources);
    } catch (const Error& error) {
        const bool may_be_gone = sources.takes_changed_content && error.kind() == ErrorKind::not_found &&
                                 step.action == EtcAction::local && step.entry.type == EtcType::file;
        if (!may_be_gone || !is_missing(sources.local, step.source)) throw;
        ::unlinkat(place.directory.get(), place.name.c_str(), 0);
    }
}

void build_new(int root, const EtcPlan& plan, const EtcSources& sources, const EtcTree& present) {
    for (const auto& [path, planned] : plan.result) {
        if (path.empty()) continue;
        check_interrupt();
        EtcStep step = planned;
        keep_label(step.entry, present, path);
        with_context([&, &at = path] { return concat("/etc/", escape(at)); },
                     [&, &at = path] { make_new(find_position(root, at), step, sources); });
    }
    for (auto at = plan.result.rbegin(); at != plan.result.rend(); ++at) {
        if (at->second.entry.is_directory() && !at->first.empty())
            set_times(find_position(root, at->first), at->second.entry);
    }
}

int exchange(int directory, const char* a, const char* b) {
    constexpr unsigned kExchange = 2;  // RENAME_EXCHANGE; musl has no renameat2()
    return static_cast<int>(::syscall(SYS_renameat2, directory, a, directory, b, kExchange));
}

// Exchanges the directories. Afterwards the old one has the name kNewEtc.
void swap_in(int deployment) {
    if (exchange(deployment, kNewEtc, "etc") == 0) return;
    if (errno != EINVAL && errno != ENOSYS) throw_errno("cannot put the new /etc in place");
    remove_tree(deployment, kOldEtc);
    if (::renameat(deployment, "etc", deployment, kOldEtc) != 0) throw_errno("cannot put the old /etc away");
    if (::renameat(deployment, kNewEtc, deployment, "etc") != 0) {
        const int error = errno;
        ::renameat(deployment, kOldEtc, deployment, "etc");
        errno = error;
        throw_errno("cannot put the new /etc in place");
    }
    ::renameat(deployment, kOldEtc, deployment, kNewEtc);
}

// Removes what an interrupted run left. Puts /etc back if it was interrupted between two renames.
void remove_leftovers(int deployment) {
    if (!has_entry(deployment, "etc") && ::renameat(deployment, kOldEtc, deployment, "etc") != 0)
        throw_errno("cannot put the old /etc back");
    remove_tree(deployment, kOldEtc);
    remove_tree(deployment, kNewEtc);
}

EtcTree read_present(int deployment) {
    const Fd etc = open_at(deployment, "etc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    return read_etc_tree(etc.get(), EtcContent::unread);
}

std::string make_new_etc(int deployment, const EtcPlan& plan, const EtcSources& sources) {
    const EtcTree present = read_present(deployment);
    if (::mkdirat(deployment, kNewEtc, kPrivateDirectory) != 0) throw_errno("cannot create the new /etc");
    const Fd root = open_at(deployment, kNewEtc, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    build_new(root.get(), plan, sources, present);
    EtcEntry top = plan.result.at("").entry;
    keep_label(top, present, "");
    const EtcPosition place{.directory = open_at(deployment, ".", O_RDONLY | O_DIRECTORY), .name = kNewEtc};
    set_directory_metadata(place, top);
    if (::syncfs(root.get()) != 0) throw_errno("cannot write the new /etc to the disk");
    return fingerprint(read_etc_tree(root.get(), EtcContent::unread));
}

bool is_made(const EtcEntry& present, const EtcStep& step) {
    EtcEntry wanted = step.entry;
    // A joined text is compared by its digest, because its source has another one.
    if (step.action == EtcAction::join) {
        wanted.size = step.text.size();
        wanted.digest = to_hex(sha256(as_bytes(step.text)));
    }
    return same_entry(present, wanted);
}

class EtcUpdate {
  public:
    EtcUpdate(int etc, const EtcPlan& plan, const EtcSources& sources)
        : etc_(etc), plan_(plan), sources_(sources), present_(read_etc_tree(etc, EtcContent::hashed)) {}

    std::size_t run() {
        for (const auto& [path, step] : plan_.result) {
            check_interrupt();
            with_context([&, &at = path] { return concat("/etc/", escape(at)); },
                         [&, &at = path, &what = step] { update(at, what); });
        }
        for (auto at = present_.rbegin(); at != present_.rend(); ++at) {
            if (!plan_.result.contains(at->first)) remove(at->first);
        }
        if (::syncfs(etc_) != 0) throw_errno("cannot write /etc to the disk");
        return changed_;
    }

  private:
    void update(const std::string& path, const EtcStep& planned) {
        const auto present = present_.find(path);
        if (present != present_.end() && is_made(present->second, planned)) return;
        ++changed_;
        EtcStep step = planned;
        keep_label(step.entry, present_, path);
        if (path.empty()) {
            set_directory_metadata({.directory = open_at(etc_, ".", O_RDONLY | O_DIRECTORY), .name = "."},
                                   step.entry);
            return;
        }
        const EtcPosition place = find_position(etc_, path);
        const bool was_directory = present != present_.end() && present->second.is_directory();
        if (was_directory && step.entry.is_directory()) {
            remove_other_xattrs(place, present->second, step.entry);
            set_directory_metadata(place, step.entry);
            return;
        }
        // A file and a directory cannot be exchanged atomically.
        if (present != present_.end() && was_directory != step.entry.is_directory())
            remove_tree(place.directory.get(), place.name);
        if (step.entry.is_directory()) {
            make_node(place, step, sources_);
        } else {
            make_and_rename(place, step);
        }
    }

    void make_and_rename(const EtcPosition& place, const EtcStep& step) {
        EtcPosition next{.directory = open_at(place.directory.get(), ".", O_RDONLY | O_DIRECTORY),
                         .name = concat(".osb-etc-", plan_.result.size(), '-', changed_)};
        remove_tree(next.directory.get(), next.name);
        make_node(next, step, sources_);
        if (::renameat(next.directory.get(), next.name.c_str(), place.directory.get(), place.name.c_str()) !=
            0)
            throw_errno("cannot rename it");
    }

    // Entries of a directory that is now a file are already gone.
    bool is_gone(const std::string& path) const {
        for (std::size_t slash = path.find('/'); slash != std::string::npos;
             slash = path.find('/', slash + 1)) {
            const auto above = plan_.result.find(path.substr(0, slash));
            if (above != plan_.result.end() && !above->second.entry.is_directory()) return true;
        }
        return false;
    }

    void remove(const std::string& path) {
        if (is_gone(path)) return;
        const EtcPosition place = find_position(etc_, path);
        remove_tree(place.directory.get(), place.name);
        ++changed_;
    }

    int etc_;
    const EtcPlan& plan_;
    const EtcSources& sources_;
    EtcTree present_;
    std::size_t changed_ = 0;
};

}  // namespace

EtcSide read_etc_side(int directory) {
    EtcSide out;
    out.tree = read_etc_tree(directory, EtcContent::hashed, &out.left_out);
    for (const std::string_view file : kAccountFiles) {
        const std::string name(file);
        const auto found = out.tree.find(name);
        if (found == out.tree.end() || found->second.type != EtcType::file) continue;
        out.accounts[name] = read_regular_file(directory, name, kMaxAccountFile);
    }
    return out;
}

bool clear_interrupted_replace(int deployment) {
    if (!has_entry(deployment, kOldEtc) && !has_entry(deployment, kNewEtc)) return false;
    {
        const MutableScope writable(deployment);
        remove_leftovers(deployment);
    }
    // The interrupted run made it mutable.
    make_immutable(deployment);
    return true;
}

std::string replace_etc(int deployment, const EtcPlan& plan, const EtcSources& sources,
                        const std::function<void(const std::string&)>& before_swap) {
    struct stat before {};
    if (::fstat(deployment, &before) != 0) throw_errno("cannot read the deployment's directory");
    const MutableScope writable(deployment);
    remove_leftovers(deployment);
    std::string result;
    try {
        result = make_new_etc(deployment, plan, sources);
        if (before_swap) before_swap(result);
        swap_in(deployment);
    } catch (...) {
        try {
            remove_tree(deployment, kNewEtc);
        } catch (const Error&) {
            // The next run tries again.
        }
        throw;
    }
    if (::fsync(deployment) != 0) throw_errno("cannot write the deployment's directory to the disk");
    remove_tree(deployment, kNewEtc);
    // `status` shows it as the time of the deployment.
    const std::array<timespec, 2> times{before.st_mtim, before.st_mtim};
    if (::futimens(deployment, times.data()) != 0) throw_errno("cannot set the time of the deployment");
    return result;
}

std::size_t update_etc(int etc, const EtcPlan& plan, const EtcSources& sources) {
    return EtcUpdate(etc, plan, sources).run();
}

}  // namespace osb::system
