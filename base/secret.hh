// Passwords and tokens that this process handles: kept out of what it prints and of core dumps.
#pragma once

#include <string>
#include <string_view>

namespace osb {

// The shortest secret that without_secrets() looks for, in bytes: the letter of a shorter one is in every
// message.
inline constexpr std::size_t kShortestSecret = 4;

// From now on this process leaves no core dump, and others of its user cannot read its memory. To be called
// before a secret is read. Idempotent, thread-safe.
void forbid_core_dumps() noexcept;

// Remembers a secret for without_secrets(), as it is, percent-encoded and escaped for print; calls
// forbid_core_dumps(). "" is passed over. Idempotent, thread-safe.
void keep_secret(std::string_view secret);

// The text with "***" in place of every secret that is known. Everything that is printed for people goes
// through it: log() and the report of an error. Thread-safe.
std::string without_secrets(std::string text);

// `text` with "***" in place of `secret`, wherever it occurs; "" occurs nowhere.
std::string blotted(std::string text, std::string_view secret);

}  // namespace osb
