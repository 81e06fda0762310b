// Temporary storage for any number of bytes.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.hh"
#include "base/stream.hh"

namespace osb::registry {

// An unnamed file where open_unnamed_file() makes it. It is written once and then mapped into memory. Not
// thread-safe.
class Spool final : public Sink {
  public:
    // `directory`: "" for the default. Throws Error.
    explicit Spool(const std::string& directory = "");
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;
    ~Spool() override;

    // Do not call it after bytes(). Throws Error{no_space} if the disk is full.
    void write(ByteView bytes) override;
    // All written bytes, valid during the lifetime of this object. Throws Error.
    ByteView bytes();

  private:
    Fd fd_;
    std::uint64_t size_ = 0;
    void* mapped_ = nullptr;
};

}  // namespace osb::registry
