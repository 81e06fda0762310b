// The positions of the fields in a tar header block (POSIX.1-2001 pax, "ustar Interchange Format"). Private
// to this folder.
#pragma once

#include <cstddef>

namespace osb::oci::ustar {

// Offset and size are in bytes.
struct Field {
    std::size_t offset;
    std::size_t size;
};

inline constexpr Field kName{0, 100};
inline constexpr Field kMode{100, 8};
inline constexpr Field kUid{108, 8};
inline constexpr Field kGid{116, 8};
inline constexpr Field kSize{124, 12};
inline constexpr Field kTime{136, 12};
inline constexpr Field kChecksum{148, 8};
inline constexpr Field kType{156, 1};
inline constexpr Field kLinkName{157, 100};
inline constexpr Field kMagicAndVersion{257, 8};
inline constexpr Field kDeviceMajor{329, 8};
inline constexpr Field kDeviceMinor{337, 8};
inline constexpr Field kPrefix{345, 155};

}  // namespace osb::oci::ustar
