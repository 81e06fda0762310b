#include "image/disk/byte_size.hh"

#include <charconv>
#include <system_error>

namespace osb::image {

std::optional<std::uint64_t> parse_byte_size(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
    if (unit.empty() || unit == "B") return number >> 63U == 0 ? std::optional(number) : std::nullopt;
    constexpr std::string_view kUnits = "KMGT";
    // As truncate(1) and qemu-img(1) read it, which make the same files.
    const char letter = unit.front() >= 'a' ? static_cast<char>(unit.front() - 'a' + 'A') : unit.front();
    const std::size_t power = kUnits.find(letter);
    if (power == std::string_view::npos) return std::nullopt;
    unit.remove_prefix(1);
    if (!unit.empty() && unit != "iB" && unit != "B") return std::nullopt;
    const std::uint64_t base = unit == "B" ? 1000 : 1024;
    for (std::size_t i = 0; i <= power; ++i) {
        if (number > (UINT64_MAX >> 1U) / base) return std::nullopt;
        number *= base;
    }
    return number;
}

}  // namespace osb::image
