// What one image may cost, whatever it is made of: a few kilobytes can ask for any amount of memory, disk and
// time. The limits hold for the image as a whole, because an image has as many layers as it likes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace osb::ostree {

struct ImageLimits {
    // Members of all layers' archives, those included that are dropped.
    std::size_t max_entries = 2'000'000;
    // Bytes of memory for what is kept of them until the commit is written: the lists of entries, the tree,
    // attributes. Estimates, and not below the truth by more than what the allocator adds.
    std::size_t max_memory = 400UL * 1024 * 1024;
    // A layer may unpack to `max_ratio` times its compressed size, holes of sparse files included; what is
    // beyond that in any layer comes out of the `free_bytes` of the image.
    std::uint64_t free_bytes = 1ULL << 30;
    std::uint64_t max_ratio = 200;
    // Parts of paths that are looked up, those of symbolic links on the way included. An entry of an ordinary
    // image takes a few; the limit is some seconds of work.
    std::uint64_t max_steps = 50'000'000;
};

// The account of one image. Every function throws Error{too_large} when a limit is passed, and stays passed.
// Threads may call them at once.
class ImageBudget {
  public:
    explicit ImageBudget(const ImageLimits& limits = {}) : limits_(limits) {}
    ImageBudget(const ImageBudget&) = delete;
    ImageBudget& operator=(const ImageBudget&) = delete;
    ~ImageBudget() = default;

    // `count` more entries.
    void take_entries(std::size_t count = 1);
    // `bytes` more of memory that is held until the end.
    void keep(std::size_t bytes);
    // Takes back what is not held any more after all. Throws nothing.
    void give_back(std::size_t entries, std::size_t bytes) noexcept;
    // `count` more parts of paths. Throws Interrupted as check_interrupt() does: walks of trees call this.
    void take_steps(std::uint64_t count = 1);
    // `bytes` more than a layer's size accounts for.
    void take_free_bytes(std::uint64_t bytes);

    const ImageLimits& limits() const noexcept { return limits_; }

  private:
    ImageLimits limits_;
    std::atomic<std::size_t> entries_{0};
    std::atomic<std::size_t> memory_{0};
    std::atomic<std::uint64_t> steps_{0};
    std::atomic<std::uint64_t> bytes_{0};
};

// Compares what a layer unpacks to with what there is of it. For one thread.
class LayerMeter {
  public:
    // `budget` is borrowed.
    explicit LayerMeter(ImageBudget& budget) noexcept : budget_(budget) {}

    // `bytes` more, from a blob of which `stored` bytes have been read in all.
    void unpacked(std::uint64_t bytes, std::uint64_t stored);
    // `bytes` of a sparse file that are not in the archive, before they are written.
    void holes(std::uint64_t bytes) { unpacked(bytes, stored_); }

  private:
    ImageBudget& budget_;
    std::uint64_t unpacked_ = 0;
    std::uint64_t stored_ = 0;
    std::uint64_t charged_ = 0;
};

}  // namespace osb::ostree
