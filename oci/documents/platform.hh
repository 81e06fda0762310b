// A platform, as image-index.md defines it, and the choice of one among several.
#pragma once

#include <string>
#include <string_view>

namespace osb::oci {

// os and architecture in Go's names: "linux", "amd64", "arm64".
struct Platform {
    std::string os;
    std::string architecture;
    std::string variant;  // "" when none is given; "v8" for arm64 and "v7" for arm count as none

    // OS/ARCH[/VARIANT]. Throws Error{usage}.
    static Platform parse(std::string_view text);
    // The machine that this runs on.
    static Platform host();

    // OS/ARCH[/VARIANT], or "unnamed".
    std::string to_string() const;
    bool operator==(const Platform&) const = default;
};

// The platform with the names that a document uses brought to the form above: x86_64 -> amd64, aarch64 ->
// arm64, the default variants of arm and arm64 -> "".
Platform normalized(Platform platform);

// The architecture's name as uname -m and ostree refs have it: amd64 -> x86_64, arm64 -> aarch64, 386 -> x86,
// arm -> armv7 (or armhf for variant v6), others unchanged; this machine's where there is none.
std::string machine_name(const Platform& platform);

}  // namespace osb::oci
