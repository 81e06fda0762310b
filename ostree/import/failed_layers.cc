#include "ostree/import/failed_layers.hh"

#include <utility>

#include "base/log.hh"
#include "ostree/import/image_layers.hh"

namespace osb::ostree {

void FailedLayers::add(std::size_t index, const Error& error) {
    const std::lock_guard guard(mutex_);
    if (!failed_.insert(index).second || error.code() == "no_ranges") return;
    log_warning(concat(describe_layer(image_, index), ": ", error.message(), "; reading the whole layer"));
}

std::set<std::size_t> FailedLayers::take() {
    const std::lock_guard guard(mutex_);
    return std::exchange(failed_, {});
}

}  // namespace osb::ostree
