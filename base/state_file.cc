#include "base/state_file.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb {
namespace {

constexpr mode_t kFileMode = 0644;
constexpr mode_t kDirectoryMode = 0755;

void sync_directory_of(int directory, const std::string& name) {
    if (::fsync(directory) != 0) throw_errno(concat("cannot sync the directory of ", quoted(name)));
}

std::string directory_above(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Fd open_state_directory(const std::string& path) {
    if (::mkdir(path.c_str(), kDirectoryMode) == 0) {
        const Fd above = open_at(AT_FDCWD, directory_above(path), O_RDONLY | O_DIRECTORY);
        sync_directory_of(above.get(), path);
    } else if (errno != EEXIST) {
        throw_errno(concat("cannot make ", quoted(path)));
    }
    Fd directory = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    // The mode may be wrong if another program created the directory with another umask.
    constexpr mode_t kForAll = 0555;
    struct stat st {};
    if (::fstat(directory.get(), &st) == 0 && (st.st_mode & kForAll) != kForAll &&
        ::fchmod(directory.get(), kDirectoryMode) != 0) {
        throw_errno(concat("cannot set the mode of ", quoted(path)));
    }
    return directory;
}

void replace_file(int directory, const std::string& name, std::string_view text, std::string temporary) {
    if (temporary.empty()) temporary = concat('.', name, ".new");
    ::unlinkat(directory, temporary.c_str(), 0);
    const Fd file = open_at(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kFileMode);
    write_all(file.get(), as_bytes(text), temporary);
    // Set the mode again, because the umask may have reduced it.
    if (::fchmod(file.get(), kFileMode) != 0) {
        throw_errno(concat("cannot set the mode of ", quoted(temporary)));
    }
    if (::fsync(file.get()) != 0) throw_errno(concat("cannot sync ", quoted(temporary)));
    if (::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0) {
        throw_errno(concat("cannot rename ", quoted(temporary)));
    }
    sync_directory_of(directory, name);
}

void remove_file(int directory, const std::string& name) {
    if (::unlinkat(directory, name.c_str(), 0) != 0) {
        if (errno == ENOENT) return;
        throw_errno(concat("cannot remove ", quoted(name)));
    }
    sync_directory_of(directory, name);
}

std::string read_regular_file(int directory, const std::string& path, std::size_t limit) {
    FdSource source(open_regular(directory, path), path);
    return read_all(source, limit, path);
}

}  // namespace osb
