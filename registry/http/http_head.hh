// The status and headers of an HTTP response, collected line by line with limits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace osb::registry {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// The limits of one response, including the interim responses (1xx) before it.
struct HeadLimits {
    std::size_t max_headers = 512;
    std::size_t max_bytes = 128UL * 1024;
};

// Processes the lines of all responses to one request, and keeps those of the final response.
class HttpHead {
  public:
    explicit HttpHead(const HeadLimits& limits) : limits_(limits) {}

    // Adds a line including its line end: a status line, a header, or the empty line that ends a head. A
    // status line starts a new response. Other lines after the end of a final head (trailers) are counted and
    // dropped. Throws Error{unavailable} above the limits.
    void add_line(std::string_view line);

    // True if the head of the final response is complete.
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

// Converts ASCII letters to lower case.
std::string to_lower(std::string_view text);
// Removes white space at both ends.
std::string_view trim(std::string_view text) noexcept;
// Parses a decimal number without sign and white space; nullopt for anything else.
std::optional<std::uint64_t> parse_number(std::string_view text) noexcept;

// The value of a header (name in lower case), or nullopt. Throws Error{unavailable} if it occurs several
// times with different values, because readers would interpret it differently.
std::optional<std::string_view> find_header(const HeaderList& headers, std::string_view name);

}  // namespace osb::registry
