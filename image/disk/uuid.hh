// Identifiers of filesystems, disks and partitions (RFC 9562).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace osb::image {

// A UUID in the byte order of the text form.
using Uuid = std::array<std::uint8_t, 16>;

// Formats a UUID in lower case: "0123abcd-...".
std::string to_string(const Uuid& uuid);

// Returns a random UUID from the kernel's random number generator.
Uuid random_uuid();

// Derives a UUID from a seed and a name. Deterministic: equal inputs give equal UUIDs, different inputs give
// different ones.
Uuid derived_uuid(std::string_view seed, std::string_view name);

}  // namespace osb::image
