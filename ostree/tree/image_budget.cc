#include "ostree/tree/image_budget.hh"

#include <algorithm>
#include <limits>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "base/saturating.hh"

namespace osb::ostree {
namespace {

// Adds to a counter and returns true if the limit is exceeded. Amounts are untrusted, so the sum saturates
// instead of wrapping around.
template<typename T>
bool passes(std::atomic<T>& account, T amount, T limit) {
    T before = account.load(std::memory_order_relaxed);
    T after = 0;
    do {
        after = saturating_add(before, amount);
    } while (!account.compare_exchange_weak(before, after, std::memory_order_relaxed));
    return after > limit;
}

}  // namespace

void ImageBudget::take_entries(std::size_t count) {
    if (!passes(entries_, count, limits_.max_entries)) return;
    throw Error(ErrorKind::too_large, concat("more than ", limits_.max_entries, " entries in an image"));
}

void ImageBudget::keep(std::size_t bytes) {
    if (!passes(memory_, bytes, limits_.max_memory)) return;
    throw Error(ErrorKind::too_large,
                concat("names, attributes and directories of an image that take more than ",
                       limits_.max_memory >> 20U, " MiB of memory"));
}

void ImageBudget::give_back(std::size_t entries, std::size_t bytes) noexcept {
    entries_.fetch_sub(entries, std::memory_order_relaxed);
    memory_.fetch_sub(bytes, std::memory_order_relaxed);
}

void ImageBudget::take_steps(std::uint64_t count) {
    check_interrupt();
    if (!passes(steps_, count, limits_.max_steps)) return;
    throw Error(ErrorKind::too_large,
                concat("paths of more than ", limits_.max_steps, " parts in all, through symbolic links"));
}

void ImageBudget::take_free_bytes(std::uint64_t bytes) {
    if (!passes(bytes_, bytes, limits_.free_bytes)) return;
    throw Error(ErrorKind::too_large,
                concat("unpacks to more than ", limits_.max_ratio, " times its size and ",
                       limits_.free_bytes >> 20U, " MiB beyond it, holes of sparse files included"));
}

void LayerMeter::unpacked(std::uint64_t bytes, std::uint64_t stored) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
    unpacked_ = saturating_add(unpacked_, bytes);
    stored_ = stored;
    const std::uint64_t ratio = budget_.limits().max_ratio;
    const std::uint64_t allowed = ratio != 0 && stored > kMost / ratio ? kMost : stored * ratio;
    const std::uint64_t beyond = unpacked_ > allowed ? unpacked_ - allowed : 0;
    if (beyond <= charged_) return;
    budget_.take_free_bytes(beyond - charged_);
    charged_ = beyond;
}

}  // namespace osb::ostree
