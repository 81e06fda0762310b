#include "registry/http/spool.hh"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <limits>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::registry {
namespace {

std::string usual_directory() {
    const char* chosen = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): read-only use
    return chosen != nullptr && *chosen != '\0' ? chosen : "/var/tmp";
}

Fd open_nameless(const std::string& directory) {
#ifdef O_TMPFILE
    try {
        return open_at(AT_FDCWD, directory, O_TMPFILE | O_RDWR, 0600);
    } catch (const Error&) {
        // Not every filesystem supports O_TMPFILE; create a file and unlink it.
    }
#endif
    std::string path = directory + "/osb-oci-XXXXXX";
    Fd out(::mkostemp(path.data(), O_CLOEXEC));
    if (!out) throw_errno(concat("temporary file in ", quoted(directory)));
    static_cast<void>(::unlink(path.c_str()));
    return out;
}

}  // namespace

Spool::Spool(std::string directory)
    : directory_(directory.empty() ? usual_directory() : std::move(directory)),
      fd_(open_nameless(directory_)) {}

Spool::~Spool() {
    if (mapped_ != nullptr) ::munmap(mapped_, static_cast<std::size_t>(size_));
}

void Spool::write(ByteView bytes) {
    write_all(fd_.get(), bytes, concat("temporary file in ", quoted(directory_)));
    size_ += bytes.size();
}

ByteView Spool::bytes() {
    if (size_ == 0) return {};
    if (mapped_ == nullptr) {
        if (size_ > std::numeric_limits<std::size_t>::max()) {
            throw Error(ErrorKind::too_large, concat(size_, " bytes are more than this machine can address"));
        }
        void* at = ::mmap(nullptr, static_cast<std::size_t>(size_), PROT_READ, MAP_SHARED, fd_.get(), 0);
        if (at == MAP_FAILED) throw_errno(concat("temporary file in ", quoted(directory_)));
        mapped_ = at;
    }
    return {static_cast<const std::uint8_t*>(mapped_), static_cast<std::size_t>(size_)};
}

}  // namespace osb::registry
