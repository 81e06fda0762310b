// The content of an existing object, of which a static delta makes new ones.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.hh"
#include "base/fd.hh"
#include "base/hash.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// The content of a regular file, for reads at any place. Thread-safe.
class BaseObject {
  public:
    // Reads the object in any mode, and verifies it. Its content is kept in memory up to 1 MiB, otherwise in
    // a file without a name in the repository's tmp/. Throws Error: not_found if the repository does not have
    // it; digest_mismatch, invalid; io, no_space.
    static std::shared_ptr<const BaseObject> load(const Repository& repository, const Sha256& checksum);
    // Content in memory, and content in a file of `size` bytes.
    explicit BaseObject(std::string content) : size_(content.size()), small_(std::move(content)) {}
    BaseObject(Fd file, std::uint64_t size) : size_(size), file_(std::move(file)) {}

    std::uint64_t size() const noexcept { return size_; }
    // Fills `buffer` from `offset` on. Throws Error: invalid for a range outside the content; io.
    void read_at(std::uint64_t offset, MutableBytes buffer) const;

  private:
    std::uint64_t size_;
    std::string small_;
    Fd file_;
};

}  // namespace osb::ostree
