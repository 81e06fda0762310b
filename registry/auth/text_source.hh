// A document in memory as a Source.
#pragma once

#include <string>
#include <utility>

#include "base/stream.hh"

namespace osb::registry {

// A Source that owns its text.
class TextSource final : public Source {
  public:
    explicit TextSource(std::string text) : text_(std::move(text)), inner_(as_bytes(text_)) {}
    std::size_t read(MutableBytes buffer) override { return inner_.read(buffer); }

  private:
    std::string text_;
    MemorySource inner_;
};

}  // namespace osb::registry
