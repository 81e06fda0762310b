#include "ostree/layer.hh"

#include <cstring>

namespace osb::ostree {

std::string_view Layer::keep(std::string_view text) {
    if (text.empty()) return {};
    char* const copy = static_cast<char*>(text_.allocate(text.size(), 1));
    text_size_ += text.size();
    std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
}

}  // namespace osb::ostree
