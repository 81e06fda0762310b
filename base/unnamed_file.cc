#include "base/unnamed_file.hh"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/temporary_directory.hh"

namespace osb {
namespace {

Fd open_unnamed_in(const std::string& directory) {
    Fd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600));
    if (fd) return fd;
    // Not every filesystem supports O_TMPFILE.
    std::string path = directory + "/osb-oci-XXXXXX";
    fd = Fd(::mkostemp(path.data(), O_CLOEXEC));
    if (fd) ::unlink(path.c_str());
    return fd;
}

}  // namespace

Fd open_unnamed_file(const std::string& directory) {
    Fd fd = open_unnamed_in(directory);
    if (!fd) throw_errno(concat("cannot create a temporary file in ", quoted(directory)));
    return fd;
}

Fd open_unnamed_file() {
    if (const auto chosen = chosen_temporary_directory()) {
        Fd fd = open_unnamed_in(*chosen);
        if (!fd) throw_errno(concat("cannot create a temporary file in TMPDIR=", quoted(*chosen)));
        return fd;
    }
    Fd fd = open_unnamed_in("/var/tmp");
    if (!fd) fd = open_unnamed_in("/tmp");
    if (!fd) throw_errno("cannot create a temporary file in '/tmp'");
    return fd;
}

}  // namespace osb
