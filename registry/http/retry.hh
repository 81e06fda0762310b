// The policy for retries of failed requests.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "registry/http/http_client.hh"

namespace osb::registry {

// The limits of retries.
struct RetryPolicy {
    unsigned max_tries = 6;                       // of one request, including the first
    std::chrono::milliseconds first_delay{500};   // doubles with each try
    std::chrono::milliseconds max_delay{20'000};  // of one delay that we choose
    std::chrono::milliseconds max_ask{60'000};    // of one delay that the server requests
    std::chrono::milliseconds max_wait{180'000};  // sum of all delays for one request
};

// Sleep and randomness, which tests replace.
struct RetryHooks {
    std::function<void(std::chrono::milliseconds)> sleep;  // throws Interrupted
    std::function<double()> random;                        // in [0, 1)
};

// Hooks that really sleep. A stop request ends the sleep.
RetryHooks system_retry_hooks();

// True for 408, 429 and the 5xx statuses of a temporary condition.
bool is_transient_status(int status) noexcept;

// Parses the header Retry-After (RFC 9110, 10.2.3), seconds or a date, to a delay from `now` of at most a
// day. A date in the past gives 0. Returns nullopt for malformed text.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text,
                                                           std::chrono::system_clock::time_point now);

// The delay that the server requests (Retry-After), or nullopt.
std::optional<std::chrono::milliseconds> asked_wait(const HttpResponse& response);

// Counts the tries of one request. Not thread-safe.
class Retry {
  public:
    Retry(const RetryPolicy& policy, const RetryHooks& hooks) : policy_(policy), hooks_(hooks) {}

    // Call it after a failed try. Waits and returns true if another try is due; returns false if there are no
    // tries left. `asked`: the delay that the server requests; a delay above the policy's limits ends the
    // tries. Throws Interrupted.
    bool again(std::optional<std::chrono::milliseconds> asked = std::nullopt);

    // The same after a response: true if its status is transient and another try is due.
    bool again_after(const HttpResponse& response) {
        return is_transient_status(response.status) && again(asked_wait(response));
    }
    // The same after an error.
    bool again_after(const NetworkError& error) { return error.transient() && again(error.asked()); }

    // Runs `attempt` in a loop. `attempt` returns its result, or nullopt after again() has returned true. A
    // transient NetworkError repeats it while tries are left, unless `after_errors` is false. Other errors
    // end the loop.
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

    // Resets the number of tries after progress. The time that was waited still counts.
    void progress() noexcept { failures_ = 0; }

    unsigned failures() const noexcept { return failures_; }

  private:
    const RetryPolicy& policy_;
    const RetryHooks& hooks_;
    unsigned failures_ = 0;
    std::chrono::milliseconds waited_{0};
};

}  // namespace osb::registry
