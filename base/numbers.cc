#include "base/numbers.hh"

#include <array>
#include <charconv>

#include "base/bytes.hh"

namespace osb {

std::string format_count(std::uint64_t count, std::string_view noun) {
    return concat(count, ' ', noun, count == 1 ? "" : "s");
}

std::string octal(std::uint32_t mode) {
    constexpr std::size_t kDigits = 4;
    std::array<char, 16> digits{};
    const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), mode, 8).ptr;
    const std::string out(static_cast<const char*>(digits.data()), end);
    return out.size() < kDigits ? std::string(kDigits - out.size(), '0') + out : out;
}

}  // namespace osb
