#include "base/secret.hh"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "base/escape.hh"

namespace osb {
namespace {

constexpr std::string_view kBlot = "***";

std::mutex g_secrets_mutex;

// Sorted by length, longest first: a secret that is part of another one must not leave the rest of it.
std::vector<std::string>& known() {
    static std::vector<std::string> the_secrets;
    return the_secrets;
}

void add(std::string text) {
    if (text.size() < kShortestSecret) return;
    std::vector<std::string>& secrets = known();
    if (std::find(secrets.begin(), secrets.end(), text) != secrets.end()) return;
    const auto place = std::find_if(secrets.begin(), secrets.end(),
                                    [&](const std::string& other) { return other.size() < text.size(); });
    secrets.insert(place, std::move(text));
}

// Percent-encodes `text`. `hex` selects the case of the digits, because servers use both.
std::string in_url(std::string_view text, std::string_view hex) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           c == '-' || c == '.' || c == '_' || c == '~';
        const auto byte = static_cast<unsigned char>(c);
        if (plain) {
            out += c;
        } else {
            out += {'%', hex[byte >> 4U], hex[byte & 15U]};
        }
    }
    return out;
}

}  // namespace

void forbid_core_dumps() noexcept {
    // The kernel ignores the limit if dumps go to a program (core_pattern "|..."), but respects the flag.
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    static_cast<void>(::setrlimit(RLIMIT_CORE, &none));
    static_cast<void>(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

void keep_secret(std::string_view secret) {
    if (secret.empty()) return;
    forbid_core_dumps();
    const std::lock_guard guard(g_secrets_mutex);
    add(std::string(secret));
    add(in_url(secret, "0123456789ABCDEF"));
    add(in_url(secret, "0123456789abcdef"));
    add(escape(secret, secret.size() * 4));
}

std::string blotted(std::string text, std::string_view secret) {
    if (secret.empty()) return text;
    for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
        text.replace(at, secret.size(), kBlot);
        at += kBlot.size();
    }
    return text;
}

std::string without_secrets(std::string text) {
    const std::lock_guard guard(g_secrets_mutex);
    for (const std::string& secret : known()) text = blotted(std::move(text), secret);
    return text;
}

}  // namespace osb
