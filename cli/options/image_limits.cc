#include "cli/options/image_limits.hh"

#include <charconv>
#include <cstdint>
#include <limits>
#include <set>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "cli/output/size.hh"

namespace osb::cli {
namespace {

std::uint64_t parse_count(std::string_view origin, std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size() && value > 0) return value;
    throw Error(ErrorKind::usage, concat(origin, ": not a positive number: ", osb::quoted(text)));
}

// size_t may have 32 bits.
std::size_t narrowed(std::uint64_t value) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::size_t>::max();
    return static_cast<std::size_t>(value < kMost ? value : kMost);
}

void set_limit(oci::ImageLimits& limits, std::string_view origin, std::string_view name,
               std::string_view value) {
    if (name == "entries") {
        limits.max_entries = narrowed(parse_count(origin, value));
    } else if (name == "memory") {
        limits.max_memory = narrowed(parse_size(origin, value));
    } else if (name == "unpacked") {
        limits.free_bytes = parse_size(origin, value);
    } else if (name == "ratio") {
        limits.max_ratio = parse_count(origin, value);
    } else if (name == "steps") {
        limits.max_steps = parse_count(origin, value);
    } else {
        throw Error(ErrorKind::usage, concat(origin, ": no limit is called ", osb::quoted(name)))
            .hint("the limits of an image are entries, memory, unpacked, ratio and steps");
    }
}

}  // namespace

oci::ImageLimits parse_image_limits(std::string_view origin, std::string_view text) {
    oci::ImageLimits out;
    std::set<std::string_view> named;
    while (!text.empty()) {
        const std::string_view part = text.substr(0, text.find(','));
        text.remove_prefix(part.size() < text.size() ? part.size() + 1 : part.size());
        const std::size_t equals = part.find('=');
        if (equals == std::string_view::npos) {
            throw Error(ErrorKind::usage, concat(origin, ": not NAME=VALUE: ", osb::quoted(part)));
        }
        const std::string_view name = part.substr(0, equals);
        if (!named.insert(name).second)
            throw Error(ErrorKind::usage, concat(origin, ": ", osb::quoted(name), " twice"));
        set_limit(out, origin, name, part.substr(equals + 1));
    }
    return out;
}

}  // namespace osb::cli
