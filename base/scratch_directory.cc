#include "base/scratch_directory.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <filesystem>
#include <memory>
#include <system_error>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/temporary_directory.hh"

namespace osb {
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

void remove_files_in(int dirfd) {
    for_each_entry(dirfd, [dirfd](const std::string& name) { ::unlinkat(dirfd, name.c_str(), 0); });
}

}  // namespace

ScratchDirectory::ScratchDirectory(std::string parent, int young_seconds)
    : parent_(parent.empty() ? temporary_directory() : std::move(parent)) {
    remove_stale(young_seconds);
    path_ = concat(parent_, '/', kPrefix, "XXXXXX");
    if (::mkdtemp(path_.data()) == nullptr) {
        throw_errno(concat("cannot make a temporary directory in ", quoted(parent_)));
    }
    fd_ = Fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd_ || ::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        ::rmdir(path_.c_str());
        throw errno_error(error, concat("cannot lock ", quoted(path_)));
    }
}

ScratchDirectory::~ScratchDirectory() {
    if (!fd_) return;
    std::error_code ignored;  // what is left only costs space
    std::filesystem::remove_all(path_, ignored);
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
    for_each_entry(parent.get(), [this, &parent, young_seconds](const std::string& name) {
        if (!name.starts_with(kPrefix)) return;
        const Fd dir(::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        struct stat st {};
        // Skip a directory of another user, or one in use.
        if (!dir || ::fstat(dir.get(), &st) != 0 || st.st_uid != ::geteuid()) return;
        if (::time(nullptr) - st.st_ctim.tv_sec < young_seconds) return;
        if (::flock(dir.get(), LOCK_EX | LOCK_NB) != 0) return;
        std::error_code ignored;  // what is left only costs space
        std::filesystem::remove_all(concat(parent_, '/', name), ignored);
    });
}

}  // namespace osb
