#include "registry/skopeo/scratch_directory.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <memory>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::registry {
namespace {

constexpr std::string_view kPrefix = "osb-oci-scratch-";

struct DirCloser {
    void operator()(DIR* dir) const noexcept { ::closedir(dir); }
};
using Dir = std::unique_ptr<DIR, DirCloser>;

// Calls f(name) for each entry of the directory. Failures end it early, because this is clean-up.
template<typename F>
void for_each_entry(int dirfd, const F& f) {
    Fd copy(::openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!copy) return;
    const Dir dir(::fdopendir(copy.get()));
    if (!dir) return;
    (void)copy.release();  // closedir() closes it
    while (const dirent* entry =
               ::readdir(dir.get())) {  // NOLINT(concurrency-mt-unsafe): the stream is our own
        const std::string name = entry->d_name;
        if (name != "." && name != "..") f(name);
    }
}

// Removes only files, because no process creates directories there.
void remove_files_in(int dirfd) {
    for_each_entry(dirfd, [dirfd](const std::string& name) { ::unlinkat(dirfd, name.c_str(), 0); });
}

std::string default_parent() {
    const char* const from_environment =
        std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): read-only use
    if (from_environment != nullptr && *from_environment != '\0') return from_environment;
    return "/var/tmp";  // files may be large, and /tmp is often in memory
}

}  // namespace

ScratchDirectory::ScratchDirectory(std::string parent, int young_seconds)
    : parent_(parent.empty() ? default_parent() : std::move(parent)) {
    remove_stale(young_seconds);
    path_ = concat(parent_, '/', kPrefix, "XXXXXX");
    if (::mkdtemp(path_.data()) == nullptr) {
        throw_errno(concat("cannot make a temporary directory in ", osb::quoted(parent_)));
    }
    fd_ = Fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd_ || ::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        ::rmdir(path_.c_str());
        throw errno_error(error, concat("cannot lock ", osb::quoted(path_)));
    }
}

ScratchDirectory::~ScratchDirectory() {
    remove_files();
    ::rmdir(path_.c_str());
}

void ScratchDirectory::remove_files() const noexcept {
    try {
        remove_files_in(fd_.get());
    } catch (
        ...) {  // NOLINT(bugprone-empty-catch): out of memory; the destructor or the next run removes them
    }
}

void ScratchDirectory::remove_stale(int young_seconds) const {
    const Fd parent(::open(parent_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent) return;
    for_each_entry(parent.get(), [&parent, young_seconds](const std::string& name) {
        if (!name.starts_with(kPrefix)) return;
        const Fd dir(::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        struct stat st {};
        // Skip a directory of another user, or one in use.
        if (!dir || ::fstat(dir.get(), &st) != 0 || st.st_uid != ::geteuid()) return;
        if (::time(nullptr) - st.st_ctim.tv_sec < young_seconds) return;
        if (::flock(dir.get(), LOCK_EX | LOCK_NB) != 0) return;
        remove_files_in(dir.get());
        ::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR);
    });
}

}  // namespace osb::registry
