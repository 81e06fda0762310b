#include "image/install/scratch_repository.hh"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::image {
namespace {

constexpr std::string_view kPrefix = ".osb-oci-install-";

std::string parent_or_default(std::string parent) {
    if (!parent.empty()) return parent;
    const char* const from_environment =
        std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    if (from_environment != nullptr && *from_environment != '\0') return from_environment;
    return "/var/tmp";  // large files fit here: /tmp is often in memory
}

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

// Disables settings that would make the repository slower or keep disk space free.
void make_fast(const std::string& path) {
    const Fd config = open_at(AT_FDCWD, path + "/config", O_WRONLY | O_APPEND);
    constexpr std::string_view kMore = "\n[core]\nfsync=false\nmin-free-space-percent=0\nzlib-level=1\n";
    write_all(config.get(), as_bytes(kMore), path);
}

}  // namespace

ScratchRepository::ScratchRepository(std::string parent) {
    parent = parent_or_default(std::move(parent));
    remove_abandoned(parent);
    path_ = concat(parent, '/', kPrefix, "XXXXXX");
    if (::mkdtemp(path_.data()) == nullptr) {
        throw_errno(concat("cannot make a temporary directory in ", quoted(parent)));
    }
    try {
        lock_ = open_at(AT_FDCWD, path_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) throw_errno(concat("cannot lock ", quoted(path_)));
        const std::string repo = path_ + "/repo";
        const ostree::RepoMode mode =
            has_user_xattrs(lock_.get()) ? ostree::RepoMode::bare_user : ostree::RepoMode::archive;
        ostree::Repository::create(repo, mode);
        make_fast(repo);
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
