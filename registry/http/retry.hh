// When a request that failed is worth another try, and how long to wait before it.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "registry/http/http_client.hh"

namespace osb::registry {

struct RetryPolicy {
    unsigned max_tries = 6;                       // of one request, the first included
    std::chrono::milliseconds first_delay{500};   // doubled from try to try
    std::chrono::milliseconds max_delay{20'000};  // of one wait that we choose
    std::chrono::milliseconds max_ask{60'000};    // of one wait that the server asks for
    std::chrono::milliseconds max_wait{180'000};  // all waits for one request together
};

// Waiting and chance, so that tests need neither.
struct RetryHooks {
    std::function<void(std::chrono::milliseconds)> sleep;  // throws Interrupted
    std::function<double()> random;                        // in [0, 1)
};

// Sleeps for real, but not through an interruption.
RetryHooks system_retry_hooks();

// 408, 429 and those of 5xx that speak of a passing state.
bool is_transient_status(int status) noexcept;

// The header Retry-After (RFC 9110, 10.2.3), seconds or a date, as a time from `now` on, a day at the
// most; nothing when it is malformed. A date in the past is 0.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text,
                                                           std::chrono::system_clock::time_point now);

// How long the server asks to wait (Retry-After); nothing when it does not.
std::optional<std::chrono::milliseconds> asked_wait(const HttpResponse& response);

// The tries of one request.
class Retry {
  public:
    Retry(const RetryPolicy& policy, const RetryHooks& hooks) : policy_(policy), hooks_(hooks) {}

    // After a failed try: waits and returns true when another one is due, false when this was the last.
    // `asked`: what the server wants. A wait that it asks for beyond the policy's bounds ends the tries.
    // Throws Interrupted.
    bool again(std::optional<std::chrono::milliseconds> asked = std::nullopt);

    // The same after a response: true when its status may pass and another try is due.
    bool again_after(const HttpResponse& response) {
        return is_transient_status(response.status) && again(asked_wait(response));
    }
    // And after an error.
    bool again_after(const NetworkError& error) { return error.transient() && again(error.asked()); }

    // The loop around the tries. `attempt` yields what came of it; or nothing, when it has got a true from
    // again(). After a NetworkError that may pass it is run again while tries are left, unless
    // `after_errors` is false; other errors end the loop.
    template<typename Attempt>
    auto run(const Attempt& attempt, bool after_errors = true) {
        for (;;) {
            try {
                if constexpr (std::is_void_v<decltype(attempt())>) {
                    return attempt();
                } else {
                    auto out = attempt();
                    if (out) return *std::move(out);
                }
            } catch (const NetworkError& error) {
                if (!after_errors || !again_after(error)) throw;
            }
        }
    }

    // The tries are counted anew: there was progress. What was waited still counts.
    void progress() noexcept { failures_ = 0; }

    unsigned failures() const noexcept { return failures_; }

  private:
    const RetryPolicy& policy_;
    const RetryHooks& hooks_;
    unsigned failures_ = 0;
    std::chrono::milliseconds waited_{0};
};

}  // namespace osb::registry
