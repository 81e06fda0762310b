#include "ostree/tree/layer.hh"

#include <algorithm>
#include <cstring>

#include "base/error.hh"

namespace osb::ostree {

std::string_view Layer::keep(std::string_view text) {
    if (text.empty()) return {};
    char* const copy = static_cast<char*>(text_.allocate(text.size(), 1));
    text_size_ += text.size();
    std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
}

bool has_hard_links(const Layer& layer) {
    return std::any_of(layer.entries().begin(), layer.entries().end(),
                       [](const LayerEntry& entry) { return entry.kind == EntryKind::hardlink; });
}

void charge(ImageBudget& budget, const Layer* layer) {
    if (layer == nullptr) return;
    budget.take_entries(layer->entries().size());
    budget.keep(layer->memory());
}

bool try_charge(ImageBudget& budget, const Layer& layer) {
    std::size_t kept = 0;
    try {
        budget.take_entries(layer.entries().size());
        kept = layer.memory();
        budget.keep(kept);
        return true;
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::too_large) throw;
        budget.give_back(layer.entries().size(), kept);
        return false;
    }
}

void give_back(ImageBudget& budget, const Layer& layer) noexcept {
    budget.give_back(layer.entries().size(), layer.memory());
}

}  // namespace osb::ostree
