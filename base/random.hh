// Random numbers of the kernel.
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.hh"

namespace osb {

// Fills `out`. Throws Error{io}.
void fill_random(MutableBytes out);

// `bytes` random bytes as hexadecimal digits, for names that nobody else has.
std::string random_hex(std::size_t bytes);

}  // namespace osb
