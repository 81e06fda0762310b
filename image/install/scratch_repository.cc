#include "image/install/scratch_repository.hh"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/temporary_directory.hh"

namespace osb::image {
namespace {

constexpr std::string_view kPrefix = ".osb-oci-scratch-";

void remove_tree(const std::string& path) noexcept {
    std::error_code ignored;  // a leftover only costs space
    std::filesystem::remove_all(path, ignored);
}

void remove_abandoned(const std::string& parent) {
    constexpr int kYoungSeconds = 10;  // a starting run has not locked its directory yet
    std::error_code error;
    for (std::filesystem::directory_iterator entry(parent, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string path = entry->path();
        if (!entry->path().filename().string().starts_with(kPrefix)) continue;
        const Fd dir(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        struct stat st {};
        if (!dir || ::fstat(dir.get(), &st) != 0 || st.st_uid != ::geteuid()) continue;
        if (::time(nullptr) - st.st_ctim.tv_sec < kYoungSeconds) continue;
        if (::flock(dir.get(), LOCK_EX | LOCK_NB) == 0) remove_tree(path);
    }
}

// Returns true if files there can have the extended attributes in which a bare-user repository stores owner
// and mode.
bool has_user_xattrs(int directory) {
    return ::fsetxattr(directory, "user.osb.probe", "1", 1, 0) == 0;
}

// Disables settings that would make the repository slower or keep disk space free. `directory` is that of the
// repository; `objects` is its parent.
void configure(const std::string& directory, const std::string& path, const ostree::Repository* objects) {
    std::string more = "\n[core]\nfsync=false\nmin-free-space-percent=0\nzlib-level=1\n";
    if (objects != nullptr) {
        // libostree does not unescape the value, so not every path could be written there.
        const std::string link = directory + "/objects";
        std::error_code failed;
        std::filesystem::create_symlink(std::filesystem::absolute(objects->path()), link, failed);
        if (failed) throw errno_error(failed.value(), concat("cannot make the link ", quoted(link)));
        more += concat("parent=", std::filesystem::absolute(link).string(), '\n');
    }
    const Fd config = open_at(AT_FDCWD, path + "/config", O_WRONLY | O_APPEND);
    write_all(config.get(), as_bytes(more), path);
}

ostree::RepoMode scratch_mode(int directory, const ostree::Repository* objects) {
    using ostree::RepoMode;
    // Objects of the two repositories are only comparable if both store the same metadata. And libostree
    // aborts when a bare repository has a parent in archive mode.
    if (objects != nullptr &&
        (objects->mode() == RepoMode::bare_user_only || objects->mode() == RepoMode::archive)) {
        return objects->mode();
    }
    return has_user_xattrs(directory) ? RepoMode::bare_user : RepoMode::archive;
}

}  // namespace

ScratchRepository::ScratchRepository(std::string parent, const ostree::Repository* objects) {
    if (parent.empty()) parent = temporary_directory();
    remove_abandoned(parent);
    path_ = concat(parent, '/', kPrefix, "XXXXXX");
    if (::mkdtemp(path_.data()) == nullptr) {
        throw_errno(concat("cannot make a temporary directory in ", quoted(parent)));
    }
    try {
        lock_ = open_at(AT_FDCWD, path_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) throw_errno(concat("cannot lock ", quoted(path_)));
        const std::string repo = path_ + "/repo";
        ostree::Repository::create(repo, scratch_mode(lock_.get(), objects));
        configure(path_, repo, objects);
        repository_ = ostree::Repository::open(repo);
    } catch (...) {
        remove_tree(path_);
        throw;
    }
}

ScratchRepository::~ScratchRepository() {
    repository_.reset();
    remove_tree(path_);
}

}  // namespace osb::image
