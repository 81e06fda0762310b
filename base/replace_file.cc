#include "base/replace_file.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"

namespace osb {

void replace_file(int directory, const std::string& name, std::string_view text, mode_t mode) {
    const std::string temporary = concat('.', name, ".new");
    ::unlinkat(directory, temporary.c_str(), 0);
    const Fd file = open_at(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    write_all(file.get(), as_bytes(text), temporary);
    // Whatever the umask is.
    if (::fchmod(file.get(), mode) != 0) throw_errno(concat("cannot set the mode of ", quoted(temporary)));
    if (::fsync(file.get()) != 0) throw_errno(concat("cannot sync ", quoted(temporary)));
    if (::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0) {
        throw_errno(concat("cannot rename ", quoted(temporary)));
    }
    if (::fsync(directory) != 0) throw_errno(concat("cannot sync the directory of ", quoted(name)));
}

}  // namespace osb
