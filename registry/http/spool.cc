#include "registry/http/spool.hh"

#include <sys/mman.h>

#include <limits>

#include "base/error.hh"
#include "base/unnamed_file.hh"

namespace osb::registry {

Spool::Spool(const std::string& directory)
    : fd_(directory.empty() ? open_unnamed_file() : open_unnamed_file(directory)) {}

Spool::~Spool() {
    if (mapped_ != nullptr) ::munmap(mapped_, static_cast<std::size_t>(size_));
}

void Spool::write(ByteView bytes) {
    write_all(fd_.get(), bytes, "a temporary file");
    size_ += bytes.size();
}

ByteView Spool::bytes() {
    if (size_ == 0) return {};
    if (mapped_ == nullptr) {
        if (size_ > std::numeric_limits<std::size_t>::max()) {
            throw Error(ErrorKind::too_large, concat(size_, " bytes are more than this machine can address"));
        }
        void* at = ::mmap(nullptr, static_cast<std::size_t>(size_), PROT_READ, MAP_SHARED, fd_.get(), 0);
        if (at == MAP_FAILED) throw_errno("a temporary file");
        mapped_ = at;
    }
    return {static_cast<const std::uint8_t*>(mapped_), static_cast<std::size_t>(size_)};
}

}  // namespace osb::registry
