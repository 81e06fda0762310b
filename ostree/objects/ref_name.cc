#include "ostree/objects/ref_name.hh"

#include <array>
#include <cstdint>
#include <cstdio>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/objects/glib.hh"

namespace osb::ostree {
namespace {

bool is_alnum(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// Removes the code point at the front of `text`, which must be valid UTF-8, and returns it.
std::uint32_t take_code_point(std::string_view& text) noexcept {
    const auto lead = static_cast<std::uint8_t>(text.front());
    const std::size_t continued = lead < 0xC0 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    const std::size_t length = continued + 1;
    std::uint32_t code_point = length == 1 ? lead : lead & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        code_point = (code_point << 6U) | (static_cast<std::uint8_t>(text[i]) & 0x3FU);
    }
    text.remove_prefix(length);
    return code_point;
}

void check_form(const std::string& ref) {
    // A revision may also have a remote's name before it, which is not valid for a ref of this repository.
    // libostree's pattern also accepts a trailing line feed, and ignores text after a NUL.
    constexpr std::string_view kNever(":\n\0", 3);
    if (ostree_validate_rev(ref.c_str(), nullptr) == 0 || ref.find_first_of(kNever) != std::string::npos)
        throw Error(ErrorKind::usage, concat("not a name for a ref: ", quoted(ref)));
}

}  // namespace

RefName RefName::parse(std::string_view text) {
    std::string ref(text);
    check_form(ref);
    // Users do not abbreviate checksums to fewer digits, and short names are common.
    constexpr std::size_t kShortest = 4;
    if (ref.find_first_not_of("0123456789abcdef") == std::string::npos && ref.size() >= kShortest) {
        throw Error(ErrorKind::usage,
                    concat("the ref ", quoted(ref), " looks like the beginning of a checksum"))
            .hint("give it a name with a '/' or another letter in it, e.g. os/" + ref);
    }
    // osb-oci, bootc and rpm-ostree create and delete the refs of layers themselves.
    if (ref.starts_with("ostree/container/blob/")) {
        throw Error(ErrorKind::usage, concat("the ref ", quoted(ref), " is reserved for layers"));
    }
    return RefName(std::move(ref));
}

std::optional<RefName> RefName::try_parse(std::string_view text) {
    try {
        return parse(text);
    } catch (const Error&) {
        return std::nullopt;
    }
}

RefName RefName::escaped(std::string_view directory, std::string_view text) {
    std::string ref = concat(directory, '/', escape_ref(text));
    check_form(ref);
    return RefName(std::move(ref));
}

std::string escape_ref(std::string_view text) {
    if (text.empty() || !is_utf8(text) || text.find('\0') != std::string_view::npos) {
        throw Error(ErrorKind::invalid, concat("cannot make a ref of ", quoted(text)));
    }
    std::string out;
    char previous = '\0';
    while (!text.empty()) {
        const char c = text.front();
        const std::uint32_t code_point = take_code_point(text);
        const bool separates = c == '/' && is_alnum(previous) && !text.empty();
        if (is_alnum(c) || c == '-' || separates) {
            out += c;
        } else if (c == '_') {
            out += "__";
        } else {
            std::array<char, 16> hex{};
            const int n = std::snprintf(hex.data(), hex.size(), "_%02X_", static_cast<unsigned>(code_point));
            out.append(hex.data(), static_cast<std::size_t>(n));
        }
        previous = c;
    }
    return out;
}

}  // namespace osb::ostree
