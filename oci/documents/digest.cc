#include "oci/documents/digest.hh"

#include <algorithm>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::oci {
namespace {

bool is_lower_hex(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool is_component_char(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

// descriptor.md: algorithm ::= component (separator component)*, with separators [+._-].
bool is_algorithm(std::string_view text) noexcept {
    bool in_component = false;
    for (const char c : text) {
        const bool separator = c == '+' || c == '.' || c == '_' || c == '-';
        if (!is_component_char(c) && !(separator && in_component)) return false;
        in_component = !separator;
    }
    return in_component;
}

std::size_t hex_length(HashAlgorithm algorithm) noexcept {
    return algorithm == HashAlgorithm::sha256 ? 64 : 128;
}

}  // namespace

Digest Digest::parse(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || !is_algorithm(text.substr(0, colon))) {
        throw Error(ErrorKind::invalid, concat("not a digest: ", quoted(text)));
    }
    const std::string_view algorithm = text.substr(0, colon);
    const std::string_view encoded = text.substr(colon + 1);
    if (algorithm == "sha256") return from_hex(HashAlgorithm::sha256, std::string(encoded));
    if (algorithm == "sha512") return from_hex(HashAlgorithm::sha512, std::string(encoded));
    throw Error(ErrorKind::unsupported, concat("unsupported digest algorithm ", quoted(algorithm)))
        .hint("sha256 and sha512 are supported");
}

Digest Digest::of(ByteView bytes, HashAlgorithm algorithm) {
    Hasher hasher(algorithm);
    hasher.update(bytes);
    return {algorithm, hasher.finish_hex()};
}

Digest Digest::from_hex(HashAlgorithm algorithm, std::string hex) {
    const std::size_t expected = hex_length(algorithm);
    if (hex.size() != expected || !std::all_of(hex.begin(), hex.end(), is_lower_hex)) {
        throw Error(ErrorKind::invalid,
                    concat("not a digest of ", expected, " lower-case hexadecimal digits: ", quoted(hex)));
    }
    return {algorithm, std::move(hex)};
}

std::string_view Digest::algorithm_name() const noexcept {
    return algorithm_ == HashAlgorithm::sha256 ? "sha256" : "sha512";
}

std::string Digest::to_string() const {
    return concat(algorithm_name(), ':', hex_);
}

std::string Digest::short_string() const {
    return concat(algorithm_name(), ':', std::string_view(hex_).substr(0, 12));
}

}  // namespace osb::oci
