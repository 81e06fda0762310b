// Protection of passwords and tokens: they appear neither in output nor in core dumps.
#pragma once

#include <string>
#include <string_view>

namespace osb {

// The length in bytes of the shortest secret that without_secrets() replaces. The characters of a shorter
// secret occur in every message.
inline constexpr std::size_t kShortestSecret = 4;

// Disables core dumps, and prevents other processes of the same user from reading this process's memory. Call
// it before you read a secret. Idempotent, thread-safe.
void forbid_core_dumps() noexcept;

// Registers a secret for without_secrets(): verbatim, percent-encoded and escaped for display. Also calls
// forbid_core_dumps(). Ignores "". Idempotent, thread-safe.
void keep_secret(std::string_view secret);

// Replaces every registered secret in the text by "***". log() and the final error report pass all their text
// through it. Thread-safe.
std::string without_secrets(std::string text);

// Replaces every occurrence of `secret` in `text` by "***". An empty `secret` changes nothing.
std::string blotted(std::string text, std::string_view secret);

}  // namespace osb
