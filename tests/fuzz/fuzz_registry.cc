// What a registry says beside documents and blobs, and what users keep about registries: the first byte
// chooses the parser. Not registries.conf: toml++ 3.0 has assertions that malformed TOML breaks ("[[["),
// which builds without NDEBUG have, and the file is the user's own.
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "registry/base64.hh"
#include "registry/challenge.hh"
#include "registry/content_range.hh"
#include "registry/credentials.hh"
#include "registry/error_body.hh"
#include "registry/http_head.hh"
#include "registry/listing.hh"
#include "registry/retry.hh"
#include "registry/url.hh"

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

// A whole head, line by line; then everything that is read out of headers.
void fuzz_head(std::string_view text) {
    HttpHead head({.max_headers = 64, .max_bytes = 8192});
    while (!text.empty() && !head.complete()) {
        const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
        head.add_line(text.substr(0, end));
        text.remove_prefix(end);
    }
    const HeaderList& headers = head.headers();
    check(headers.size() <= 64);
    check(parse_challenges(headers).size() <= 16);
    static_cast<void>(next_link(headers));
    if (const auto range = find_header(headers, "content-range")) {
        if (const auto parsed = parse_content_range(*range)) check(parsed->first <= parsed->last);
    }
    if (const auto range = find_header(headers, "range")) static_cast<void>(parse_upload_range(*range));
    const auto now = std::chrono::system_clock::from_time_t(1'700'000'000);
    if (const auto after = find_header(headers, "retry-after")) {
        if (const auto wait = parse_retry_after(*after, now)) check(wait->count() >= 0);
    }
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

void fuzz_auth_file(std::string_view text) {
    const Fd file(::memfd_create("auth.json", MFD_CLOEXEC));
    check(file.get() >= 0);
    check(::fchmod(file.get(), 0600) == 0);
    write_all(file.get(), as_bytes(text), "auth.json");
    // Helpers are somebody else's programs.
    if (text.find("cred") != std::string_view::npos) return;
    CredentialStore store({.chosen = concat("/proc/self/fd/", file.get()), .usual = {}});
    static_cast<void>(store.lookup("registry.example:5000", "a/b"));
}

void fuzz_base64(std::string_view text) {
    if (const auto bytes = base64_decode(text)) check(base64_encode(*bytes) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static constexpr std::array kTargets = {fuzz_head, fuzz_url,       fuzz_error_body,
                                            fuzz_tags, fuzz_auth_file, fuzz_base64};
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
