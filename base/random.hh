// Random numbers from the kernel.
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.hh"

namespace osb {

// Fills `out` with random bytes. Throws Error{io}.
void fill_random(MutableBytes out);

// `bytes` random bytes as hexadecimal digits, for unique names. Throws Error{io}.
std::string random_hex(std::size_t bytes);

}  // namespace osb
