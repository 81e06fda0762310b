// Bytes that were written, kept in memory.
#pragma once

#include <string>

#include "base/stream.hh"

namespace osb::test {

class StringSink final : public Sink {
  public:
    void write(ByteView bytes) override { text += as_text(bytes); }
    std::string text;
};

}  // namespace osb::test
