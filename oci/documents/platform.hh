// Platforms, as defined in image-index.md.
#pragma once

#include <string>
#include <string_view>

namespace osb::oci {

// An operating system and an architecture, in Go's names: "linux", "amd64", "arm64".
struct Platform {
    std::string os;
    std::string architecture;
    std::string variant;  // "" if there is none; also for the defaults "v8" of arm64 and "v7" of arm

    // Parses OS/ARCH[/VARIANT]. Throws Error{usage}.
    static Platform parse(std::string_view text);
    // The platform of this machine.
    static Platform host();

    // OS/ARCH[/VARIANT], or "unnamed" if both are empty.
    std::string to_string() const;
    bool operator==(const Platform&) const = default;
};

// Normalises the names that documents use: x86_64 -> amd64, aarch64 -> arm64, i386 -> 386, and the default
// variants of arm, arm64 and amd64 -> "".
Platform normalized(Platform platform);

// The architecture as uname -m and ostree refs name it: amd64 -> x86_64, arm64 -> aarch64, 386 -> x86, arm ->
// armv7 (armhf for variant v6), others unchanged. An empty architecture gives that of this machine.
std::string machine_name(const Platform& platform);

}  // namespace osb::oci
