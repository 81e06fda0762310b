#include "registry/http/link_meter.hh"

#include <algorithm>

namespace osb::registry {
namespace {

constexpr std::int64_t kSecond = 1'000'000;  // in microseconds
// More than any link transfers in the longest wait that counts, so that the product stays below 2^64.
constexpr std::uint64_t kMaxRate = 1ULL << 40U;
constexpr std::int64_t kMaxWait = 10 * kSecond;

}  // namespace

void LinkMeter::add(std::chrono::microseconds wait, std::chrono::microseconds transfer,
                    std::uint64_t bytes) noexcept {
    const std::int64_t waited = std::clamp<std::int64_t>(wait.count(), 1, kMaxWait);
    std::int64_t shortest = wait_;
    while ((shortest == 0 || waited < shortest) && !wait_.compare_exchange_weak(shortest, waited)) {
    }
    if (bytes < kLeastBody) return;
    const auto time = static_cast<std::uint64_t>(std::max<std::int64_t>(transfer.count(), 1));
    const std::uint64_t rate =
        std::min(std::min(bytes, kMaxRate) * static_cast<std::uint64_t>(kSecond) / time, kMaxRate);
    std::uint64_t highest = rate_;
    while (rate > highest && !rate_.compare_exchange_weak(highest, rate)) {
    }
}

std::uint64_t LinkMeter::bytes_per_wait() const noexcept {
    const std::int64_t wait = wait_;
    if (wait < kLeastWait.count()) return 0;
    return rate_ * static_cast<std::uint64_t>(wait) / static_cast<std::uint64_t>(kSecond);
}

}  // namespace osb::registry
