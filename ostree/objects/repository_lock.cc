#include "ostree/objects/repository_lock.hh"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "base/log.hh"
#include "ostree/objects/repository_handle.hh"

namespace osb::ostree {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPause{20};
constexpr gint64 kDefaultTimeout = 300;  // in seconds, as in libostree

bool locks(GKeyFile* config) {
    GErrorSlot error;
    const gboolean value = g_key_file_get_boolean(config, "core", "locking", error.out());
    return error.is_set() || value != FALSE;
}

// The timeout in seconds; negative for no timeout.
gint64 timeout_of(GKeyFile* config) {
    GErrorSlot error;
    const gint64 value = g_key_file_get_int64(config, "core", "lock-timeout-secs", error.out());
    return error.is_set() ? kDefaultTimeout : value;
}

// Returns false while another process has a conflicting lock. Returns true if the file cannot be locked at
// all.
bool try_lock(int fd, RepositoryLock kind) {
    struct flock lock {};
    lock.l_type = kind == RepositoryLock::shared ? F_RDLCK : F_WRLCK;
    lock.l_whence = SEEK_SET;
    while (::fcntl(fd, F_OFD_SETLK, &lock) != 0) {
        if (errno != EINTR) return errno != EAGAIN && errno != EACCES;
    }
    return true;
}

}  // namespace

Fd wait_for_lock(const Repository& repository, RepositoryLock kind) {
    OstreeRepo* const repo = repository.handle().repo.get();
    GKeyFile* const config = ostree_repo_get_config(repo);
    if (!locks(config)) return {};
    Fd file(::openat(ostree_repo_get_dfd(repo), ".lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!file) return {};
    const gint64 timeout = timeout_of(config);
    const Clock::time_point begin = Clock::now();
    bool told = false;
    while (!try_lock(file.get(), kind)) {
        check_interrupt();
        if (timeout >= 0 && Clock::now() - begin >= std::chrono::seconds(timeout)) {
            throw Error(ErrorKind::io, concat("the repository ", quoted(repository.path()),
                                              " is locked by another program since ", timeout, " s"));
        }
        if (!std::exchange(told, true))
            log_info(concat("waiting for another program, which has locked ", quoted(repository.path())));
        std::this_thread::sleep_for(kPause);
    }
    return kind == RepositoryLock::shared ? std::move(file) : Fd{};
}

}  // namespace osb::ostree
