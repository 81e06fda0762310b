#include "registry/http/retry.hh"

#include <algorithm>
#include <ctime>
#include <random>
#include <string>
#include <thread>

#include "base/interrupt.hh"
#include "registry/http/curl.hh"
#include "registry/http/http_head.hh"

namespace osb::registry {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

}  // namespace

RetryHooks system_retry_hooks() {
    return {.sleep =
                [](milliseconds time) {
                    using SteadyClock = std::chrono::steady_clock;
                    const SteadyClock::time_point end = SteadyClock::now() + time;
                    for (;;) {
                        check_interrupt();
                        const auto left = end - SteadyClock::now();
                        if (left <= SteadyClock::duration::zero()) return;
                        std::this_thread::sleep_for(std::min<SteadyClock::duration>(left, milliseconds(100)));
                    }
                },
            .random =
                [] {
                    thread_local std::minstd_rand generator{std::random_device{}()};
                    return std::generate_canonical<double, 24>(generator);
                }};
}

bool is_transient_status(int status) noexcept {
    constexpr int kFirstOfCloudflare = 520;  // the origin does not answer, in ten variants
    constexpr int kLastOfCloudflare = 530;
    return status == 408 || status == 425 || status == 429 || status == 500 ||
           (status >= 502 && status <= 504) || (status >= kFirstOfCloudflare && status <= kLastOfCloudflare);
}

std::optional<milliseconds> parse_retry_after(std::string_view text, system_clock::time_point now) {
    text = trim(text);
    constexpr std::int64_t kDay = 86400;
    if (const auto delay = parse_number(text))
        return std::chrono::seconds(std::min<std::uint64_t>(*delay, kDay));
    const std::time_t date = curl_getdate(std::string(text).c_str(), nullptr);
    if (date == -1) return std::nullopt;
    // Count in seconds, because more than 292 years in nanoseconds overflow the clock's type.
    const std::int64_t left = std::int64_t{date} - system_clock::to_time_t(now);
    return std::chrono::seconds(std::clamp<std::int64_t>(left, 0, kDay));
}

std::optional<milliseconds> asked_wait(const HttpResponse& response) {
    const auto after = response.header("retry-after");
    return after ? parse_retry_after(*after, system_clock::now()) : std::nullopt;
}

bool Retry::again(std::optional<milliseconds> asked) {
    if (++failures_ >= policy_.max_tries) return false;
    const unsigned doublings = std::min(failures_ - 1, 16U);
    const milliseconds most = std::min(policy_.max_delay, policy_.first_delay * (1U << doublings));
    // Wait between half of the delay and all of it, so that clients do not all return at the same time.
    milliseconds delay(
        static_cast<milliseconds::rep>(static_cast<double>(most.count()) * (0.5 + hooks_.random() / 2)));
    if (asked) {
        if (*asked > policy_.max_ask) return false;
        delay = std::max(delay, *asked);
    }
    if (waited_ + delay > policy_.max_wait) return false;
    waited_ += delay;
    hooks_.sleep(delay);
    return true;
}

}  // namespace osb::registry
