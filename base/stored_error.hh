// Errors as text, to pass them from one process to another.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hh"

namespace osb {

// Kind, code, message and hint, without secrets. parse_error() reads it.
std::string store_error(const Error& error);

// The stored error. The text may be from a process that was taken over: control bytes are escaped, long texts
// are cut, an unknown code is dropped, and malformed text gives an error {internal} about it. Never throws
// for what the text contains.
Error parse_error(std::string_view text);

}  // namespace osb
