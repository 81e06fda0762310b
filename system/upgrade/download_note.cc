#include "system/upgrade/download_note.hh"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <string>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/file_lock.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "system/deploy/deploy.hh"

namespace osb::system {
namespace {

constexpr const char* kNoteName = "downloading";
constexpr const char* kNoteDirectory = "ostree/osb-oci";

pid_t read_process(const std::string& path) {
    constexpr std::size_t kMaxNote = 64;
    const std::string text = read_regular_file(AT_FDCWD, path, kMaxNote);
    pid_t out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}

}  // namespace

DownloadNote::DownloadNote(const ostree::Sysroot& sysroot) {
    try {
        const Fd directory = open_state_directory(sysroot.path_of(kNoteDirectory));
        Fd file = open_at(directory.get(), kNoteName, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
        if (!try_lock_file(file.get(), kNoteName)) return;
        if (::ftruncate(file.get(), 0) != 0) throw_errno(kNoteName);
        write_all(file.get(), as_bytes(concat(::getpid(), '\n')), kNoteName);
        file_ = std::move(file);
    } catch (const Error& error) {
        log_debug(error.message());
    }
}

bool end_download(const ostree::Sysroot& sysroot) {
    try {
        const Roles roles = roles_of(sysroot);
        if (!roles.rollback && !roles.on_trial) return false;
        const std::string path = concat(sysroot.path_of(kNoteDirectory), '/', kNoteName);
        const Fd file = open_at(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
        if (try_lock_file(file.get(), kNoteName)) return false;
        const pid_t process = read_process(path);
        if (process <= 0 || ::kill(process, SIGTERM) != 0) return false;
        log_info(concat("ending the download of process ", process));
        return true;
    } catch (const Error& error) {
        log_debug(error.message());
    }
    return false;
}

}  // namespace osb::system
