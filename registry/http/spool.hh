// Bytes that are collected before they are used, however many.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.hh"
#include "base/stream.hh"

namespace osb::registry {

// A file without a name in $TMPDIR, else /var/tmp, written once and then seen as memory. Not for use by
// several threads at once.
class Spool final : public Sink {
  public:
    // `directory`: "" for the usual one. Throws Error.
    explicit Spool(std::string directory = "");
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;
    ~Spool() override;

    // Not to be called after bytes(). Throws Error{no_space} when the disk is full.
    void write(ByteView bytes) override;
    // All that was written, valid as long as this object lives. Throws Error.
    ByteView bytes();

  private:
    std::string directory_;
    Fd fd_;
    std::uint64_t size_ = 0;
    void* mapped_ = nullptr;
};

}  // namespace osb::registry
