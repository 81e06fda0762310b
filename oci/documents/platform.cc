#include "oci/documents/platform.hh"

#include <sys/utsname.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::oci {
namespace {

// Longer than all names in Go and in the specification.
constexpr std::size_t kMaxPart = 64;

bool is_part(std::string_view part) noexcept {
    return !part.empty() && part.size() <= kMaxPart && std::all_of(part.begin(), part.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    });
}

// The architecture that this program was compiled for. This is the architecture of the user space, even if
// the kernel has a wider one.
std::string host_architecture() {
#if defined(__x86_64__)
    return "amd64";
#elif defined(__i386__)
    return "386";
#elif defined(__aarch64__)
    return "arm64";
#elif defined(__arm__)
    return "arm";
#elif defined(__riscv) && __riscv_xlen == 64
    return "riscv64";
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
    return "ppc64le";
#elif defined(__s390x__)
    return "s390x";
#elif defined(__loongarch64)
    return "loong64";
#else
    utsname name{};
    if (::uname(&name) != 0) throw_errno("uname");
    return name.machine;
#endif
}

std::string host_variant() {
#if defined(__arm__) && defined(__ARM_ARCH) && __ARM_ARCH < 7
    return concat('v', __ARM_ARCH);
#else
    return {};
#endif
}

}  // namespace

Platform normalized(Platform platform) {
    if (platform.architecture == "x86_64" || platform.architecture == "x86-64")
        platform.architecture = "amd64";
    if (platform.architecture == "aarch64") platform.architecture = "arm64";
    if (platform.architecture == "i386") platform.architecture = "386";
    const bool default_variant = (platform.architecture == "arm64" && platform.variant == "v8") ||
                                 (platform.architecture == "arm" && platform.variant == "v7") ||
                                 (platform.architecture == "amd64" && platform.variant == "v1");
    if (default_variant) platform.variant.clear();
    return platform;
}

Platform Platform::parse(std::string_view text) {
    std::vector<std::string> parts;
    std::string_view rest = text;
    for (;;) {
        const std::size_t slash = rest.find('/');
        parts.emplace_back(rest.substr(0, slash));
        if (slash == std::string_view::npos) break;
        rest.remove_prefix(slash + 1);
    }
    if (parts.size() < 2 || parts.size() > 3 || !std::all_of(parts.begin(), parts.end(), is_part)) {
        throw Error(ErrorKind::usage, concat("not a platform: ", quoted(text)))
            .hint("write OS/ARCH[/VARIANT], e.g. linux/amd64 or linux/arm/v6");
    }
    parts.resize(3);
    return normalized({.os = parts[0], .architecture = parts[1], .variant = parts[2]});
}

Platform Platform::host() {
    return normalized({.os = "linux", .architecture = host_architecture(), .variant = host_variant()});
}

std::string Platform::to_string() const {
    if (os.empty() && architecture.empty()) return "unnamed";
    std::string out = concat(os, '/', architecture);
    if (!variant.empty()) out += "/" + variant;
    return out;
}

std::string machine_name(const Platform& platform) {
    if (platform.architecture.empty()) return machine_name(Platform::host());
    if (platform.architecture == "amd64") return "x86_64";
    if (platform.architecture == "arm64") return "aarch64";
    if (platform.architecture == "386") return "x86";
    if (platform.architecture == "arm") return platform.variant == "v6" ? "armhf" : "armv7";
    return platform.architecture;
}

}  // namespace osb::oci
