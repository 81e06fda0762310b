// The layers of a partial fetch that have to be read whole after all.
#pragma once

#include <cstddef>
#include <mutex>
#include <set>

#include "base/error.hh"
#include "oci/transports/image.hh"

namespace osb::ostree {

// Thread-safe.
class FailedLayers {
  public:
    // The image is borrowed.
    explicit FailedLayers(const oci::Image& image) : image_(image) {}

    // Records layer `index`, and warns the first time. Registries without ranges cause no warning.
    void add(std::size_t index, const Error& error);
    // Returns the layers that were recorded since the last call.
    std::set<std::size_t> take();

  private:
    const oci::Image& image_;
    std::mutex mutex_;  // protects the set
    std::set<std::size_t> failed_;
};

}  // namespace osb::ostree
