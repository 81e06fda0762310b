// The consumption of one image, compared with its limits.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "oci/transports/image_limits.hh"

namespace osb::ostree {

using oci::ImageLimits;

// The consumption of one image. Every function throws Error{too_large} when a limit is exceeded, and
// continues to do so. Thread-safe.
class ImageBudget {
  public:
    explicit ImageBudget(const ImageLimits& limits = {}) : limits_(limits) {}
    ImageBudget(const ImageBudget&) = delete;
    ImageBudget& operator=(const ImageBudget&) = delete;
    ~ImageBudget() = default;

    // Adds entries.
    void take_entries(std::size_t count = 1);
    // Adds bytes of memory that is kept until the end.
    void keep(std::size_t bytes);
    // Subtracts entries and bytes that are not kept after all. Throws nothing.
    void give_back(std::size_t entries, std::size_t bytes) noexcept;
    // Adds path components. Throws Interrupted as check_interrupt() does, because walks of trees call this.
    void take_steps(std::uint64_t count = 1);
    // Adds bytes beyond the ratio of a layer's size.
    void take_free_bytes(std::uint64_t bytes);

    const ImageLimits& limits() const noexcept { return limits_; }

  private:
    ImageLimits limits_;
    std::atomic<std::size_t> entries_{0};
    std::atomic<std::size_t> memory_{0};
    std::atomic<std::uint64_t> steps_{0};
    std::atomic<std::uint64_t> bytes_{0};
};

// Compares the unpacked size of a layer with its stored size. Not thread-safe.
class LayerMeter {
  public:
    // `budget` is borrowed and must outlive this object.
    explicit LayerMeter(ImageBudget& budget) noexcept : budget_(budget) {}

    // Adds unpacked bytes. `stored` is the total number of bytes of the blob that were read.
    void unpacked(std::uint64_t bytes, std::uint64_t stored);
    // Adds bytes in holes of a sparse file, which are not in the archive. Call it before you write them.
    void holes(std::uint64_t bytes) { unpacked(bytes, stored_); }

  private:
    ImageBudget& budget_;
    std::uint64_t unpacked_ = 0;
    std::uint64_t stored_ = 0;
    std::uint64_t charged_ = 0;
};

}  // namespace osb::ostree
