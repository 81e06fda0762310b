// Identifiers of filesystems, disks and partitions (RFC 9562).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace osb::image {

// In the byte order of the text form.
using Uuid = std::array<std::uint8_t, 16>;

// "0123abcd-...": lower case.
std::string to_string(const Uuid& uuid);

// From the kernel's random numbers.
Uuid random_uuid();

// The same seed and name always give the same UUID; others give others.
Uuid derived_uuid(std::string_view seed, std::string_view name);

}  // namespace osb::image
