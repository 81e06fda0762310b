// The head of an HTTP response, collected line by line within bounds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace osb::registry {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// What one response may have, interim responses (1xx) before it included.
struct HeadLimits {
    std::size_t max_headers = 512;
    std::size_t max_bytes = 128UL * 1024;
};

// Takes the lines of all responses to one request; what remains are the final one's.
class HttpHead {
  public:
    explicit HttpHead(const HeadLimits& limits) : limits_(limits) {}

    // A line with its line end: a status line, a header, or the empty one that ends a head. A status line
    // begins a new response, whatever came before; other lines after the end of a final head (trailers) are
    // counted and dropped. Throws Error{unavailable} beyond the limits.
    void add_line(std::string_view line);

    // The final response's head is complete.
    bool complete() const noexcept { return complete_; }
    int status() const noexcept { return status_; }
    HeaderList& headers() noexcept { return headers_; }

  private:
    HeadLimits limits_;
    std::size_t count_ = 0;
    std::size_t bytes_ = 0;
    bool complete_ = false;
    int status_ = 0;
    HeaderList headers_;
};

// ASCII letters in lower case.
std::string to_lower(std::string_view text);
// Without white space at both ends.
std::string_view trim(std::string_view text) noexcept;
// A decimal number without sign and white space; nothing for anything else.
std::optional<std::uint64_t> parse_number(std::string_view text) noexcept;

// The value of a header (name in lower case), nothing when it is missing. Throws Error{unavailable} when it
// comes more than once with different values: two readers would understand two things.
std::optional<std::string_view> find_header(const HeaderList& headers, std::string_view name);

}  // namespace osb::registry
