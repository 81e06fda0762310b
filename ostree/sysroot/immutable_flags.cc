#include "ostree/sysroot/immutable_flags.hh"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <filesystem>

#include "base/fd.hh"

namespace osb::ostree {
namespace {

namespace fs = std::filesystem;

bool clear_flags(const fs::path& path) {
    // Do not block: opening a FIFO would wait for a writer.
    const Fd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (file.get() < 0) return false;
    int flags = 0;
    if (::ioctl(file.get(), FS_IOC_GETFLAGS, &flags) != 0) return false;
    const int without = flags & ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
    return without != flags && ::ioctl(file.get(), FS_IOC_SETFLAGS, &without) == 0;
}

}  // namespace

std::size_t clear_immutable_flags(const std::string& path) {
    std::size_t cleared = clear_flags(path) ? 1 : 0;
    std::error_code error;
    for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end;
         entry.increment(error)) {
        std::error_code ignored;
        const fs::file_type type = entry->symlink_status(ignored).type();
        if (type != fs::file_type::regular && type != fs::file_type::directory) continue;
        if (clear_flags(entry->path())) ++cleared;
    }
    return cleared;
}

}  // namespace osb::ostree
