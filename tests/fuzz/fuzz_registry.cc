// What a registry says beside documents, blobs and headers: the first byte chooses the parser.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/base64.hh"
#include "base/error.hh"
#include "base/log.hh"
#include "registry/auth/error_body.hh"
#include "registry/distribution/listing.hh"
#include "registry/http/url.hh"

namespace {

using namespace osb;
using namespace osb::registry;

void check(bool holds) {
    if (!holds) __builtin_trap();
}

bool is_printable(std::string_view text) {
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
    }
    return true;
}

void fuzz_url(std::string_view text) {
    const std::size_t split = std::min(text.find(' '), text.size());
    const std::optional<Url> base = Url::parse(text.substr(0, split));
    if (!base) return;
    check(Url::parse(base->to_string())->to_string() == base->to_string());
    static_cast<void>(is_private_host(base->host));
    if (split == text.size()) return;
    const std::optional<Url> next = base->resolve(text.substr(split + 1));
    if (!next) return;
    check(next->target.starts_with('/') && is_printable(next->to_string()));
    check(Url::parse(next->to_string())->same_origin(*next));
}

void fuzz_error_body(std::string_view text) {
    MemorySource source(as_bytes(text));
    check(is_printable(describe_error_body(source)));
}

void fuzz_tags(std::string_view text) {
    for (const std::string& tag : parse_tags(std::string(text), "tags")) check(tag.size() <= 128);
}

void fuzz_base64(std::string_view text) {
    if (const auto bytes = decode_base64(text)) check(encode_base64(*bytes) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static constexpr std::array kTargets = {fuzz_url, fuzz_error_body, fuzz_tags, fuzz_base64};
    if (size == 0) return 0;
    set_log_sink([](LogLevel, const std::string& line) { check(is_printable(line)); });
    try {
        kTargets.at(static_cast<std::uint8_t>(data[0] - '0') %
                    kTargets.size())(as_text({data + 1, size - 1}));
    } catch (const Error& error) {
        check(is_printable(error.message()) && is_printable(error.hint()));
    }
    return 0;
}
