#include "registry/auth/small_file.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"

namespace osb::registry {

std::optional<std::string> read_small_file(const std::string& path, std::size_t limit,
                                           unsigned* permissions) {
    Fd fd;
    try {
        fd = open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::not_found) return std::nullopt;
        throw;
    }
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) throw_errno(quoted(path));
    if (!S_ISREG(status.st_mode))
        throw Error(ErrorKind::invalid, concat(quoted(path), ": not a regular file"));
    if (permissions != nullptr) *permissions = status.st_mode & 07777U;
    FdSource source(std::move(fd), path);
    return read_all(source, limit, path);
}

std::vector<std::string> list_files(const std::string& directory) {
    std::vector<std::string> out;
    std::error_code error;
    std::filesystem::directory_iterator entries(directory, error);
    for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
        out.push_back(entries->path().filename().string());
    }
    if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory) {
        throw errno_error(error.value(), quoted(directory));
    }
    std::sort(out.begin(), out.end());
    return out;
}

}  // namespace osb::registry
