// What a network link transfers while a request waits for its response.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace osb::registry {

// Estimates a link from the transfers over it. Thread-safe. The shortest wait and the highest rate count:
// servers that compute and readers that are slow make all others look worse than the link is.
class LinkMeter {
  public:
    // A shorter wait is that of a server nearby: the link is not what takes the time.
    static constexpr std::chrono::microseconds kLeastWait{5'000};
    // The rate of a smaller body says more about the start of a connection than about the link.
    static constexpr std::uint64_t kLeastBody = 16UL * 1024;

    // Adds a transfer: the time from the request to the first byte of the response, and from there to the
    // last byte of `bytes`.
    void add(std::chrono::microseconds wait, std::chrono::microseconds transfer,
             std::uint64_t bytes) noexcept;

    // Bytes. 0 if the server is near, or if nothing is known yet.
    std::uint64_t bytes_per_wait() const noexcept;

  private:
    std::atomic<std::int64_t> wait_{0};   // microseconds; 0 if unknown
    std::atomic<std::uint64_t> rate_{0};  // bytes per second; 0 if unknown
};

}  // namespace osb::registry
