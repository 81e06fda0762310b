#include "registry/http/retry.hh"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <thread>

#include "base/interrupt.hh"
#include "registry/http/http_head.hh"

namespace osb::registry {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

std::optional<int> parse_int(std::string_view text) {
    const std::optional<std::uint64_t> number = parse_number(text);
    if (!number || *number > 9999) return std::nullopt;
    return static_cast<int>(*number);
}

// "Sun, 06 Nov 1994 08:49:37 GMT": the one form of dates that may still be sent.
std::optional<system_clock::time_point> parse_http_date(std::string_view text) {
    static constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (text.size() != 29 || text.substr(25) != " GMT" || text[19] != ':' || text[22] != ':') {
        return std::nullopt;
    }
    const auto month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
    const auto day = parse_int(text.substr(5, 2));
    const auto year = parse_int(text.substr(12, 4));
    const auto hour = parse_int(text.substr(17, 2));
    const auto minute = parse_int(text.substr(20, 2));
    const auto second = parse_int(text.substr(23, 2));
    if (month == kMonths.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
    const std::chrono::year_month_day date{
        std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(month - kMonths.begin() + 1)),
        std::chrono::day(static_cast<unsigned>(*day))};
    // The clock counts nanoseconds: more than 292 years, also between two dates, overflow.
    if (!date.ok() || *year < 1900 || *year > 2200 || *hour > 23 || *minute > 59 || *second > 60)
        return std::nullopt;
    return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
           std::chrono::seconds(*second);
}

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
    return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

std::optional<milliseconds> parse_retry_after(std::string_view text, system_clock::time_point now) {
    text = trim(text);
    if (const auto seconds = parse_number(text)) {
        constexpr std::uint64_t kDay = 86400;
        return std::chrono::seconds(std::min(*seconds, kDay));
    }
    const auto date = parse_http_date(text);
    if (!date) return std::nullopt;
    return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(*date - now));
}

std::optional<milliseconds> asked_wait(const HttpResponse& response) {
    const auto after = response.header("retry-after");
    return after ? parse_retry_after(*after, system_clock::now()) : std::nullopt;
}

bool Retry::again(std::optional<milliseconds> asked) {
    if (++failures_ >= policy_.max_tries) return false;
    const unsigned doublings = std::min(failures_ - 1, 16U);
    const milliseconds most = std::min(policy_.max_delay, policy_.first_delay * (1U << doublings));
    // Between half and all of it: clients that failed together shall not come back together.
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
