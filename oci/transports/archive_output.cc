#include "oci/transports/archive_output.hh"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::oci {
namespace {

constexpr unsigned kMaxLinks = 40;  // as the kernel

bool same_file(const struct stat& one, const struct stat& other) noexcept {
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

bool is_standard_output(const struct stat& named) noexcept {
    struct stat output {};
    return ::fstat(STDOUT_FILENO, &output) == 0 && same_file(named, output);
}

// Follows symbolic links in the last component, to a name that may not exist yet.
std::string behind_links(const std::string& file) {
    std::filesystem::path path = file;
    for (unsigned i = 0; i < kMaxLinks; ++i) {
        std::error_code error;
        if (!std::filesystem::is_symlink(path, error)) return path.string();
        const std::filesystem::path target = std::filesystem::read_symlink(path, error);
        if (error)
            throw Error(ErrorKind::io, concat("cannot read ", quoted(path.string()), ": ", error.message()));
        path = path.parent_path() / target;
    }
    throw Error(ErrorKind::io, concat("cannot write ", quoted(file), ": too many symbolic links"));
}

}  // namespace

ArchiveOutput find_archive_output(const std::string& file) {
    if (file == "-") return {.file = file, .is_stream = true};
    struct stat named {};
    if (::stat(file.c_str(), &named) != 0) {
        if (errno != ENOENT) throw_errno(concat("cannot write ", quoted(file)));
        return {.file = behind_links(file), .is_stream = false};
    }
    if (S_ISDIR(named.st_mode)) {
        throw Error(ErrorKind::io, concat("cannot write ", quoted(file), ": is a directory"))
            .hint("use oci: or dir: for an image in a directory");
    }
    if (S_ISBLK(named.st_mode))
        throw Error(ErrorKind::io, concat("cannot write ", quoted(file), ": is a disk"));
    if (is_standard_output(named)) return {.file = "-", .is_stream = true};
    if (!S_ISREG(named.st_mode)) return {.file = file, .is_stream = true};
    const std::string path = behind_links(file);
    struct stat found {};
    // An open file may have no name any more: /dev/fd/3.
    if (::stat(path.c_str(), &found) != 0 || !same_file(named, found))
        return {.file = file, .is_stream = true};
    return {.file = path, .is_stream = false};
}

}  // namespace osb::oci
