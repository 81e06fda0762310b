// The error of a delta that breaks its format.
#pragma once

#include <string_view>

#include "base/error.hh"

namespace osb::ostree {

// Throws Error{invalid}.
[[noreturn]] inline void fail_delta(std::string_view why) {
    throw Error(ErrorKind::invalid, concat("static delta: ", why));
}

}  // namespace osb::ostree
