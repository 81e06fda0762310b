#include "oci/documents/reference.hh"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/spelling.hh"
#include "oci/documents/digest.hh"

namespace osb::oci {
namespace {

constexpr std::size_t kMaxName = 255;       // of a repository with its host, as in registries
constexpr std::size_t kMaxTag = 128;        // of a tag in a registry
constexpr std::size_t kMaxLayoutTag = 512;  // of a name in a layout, which may be a full reference
constexpr std::size_t kMaxShortName = 128;
constexpr std::size_t kMaxTarballs = 1024;  // as many layers as an image may have

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_lower(char c) noexcept {
    return c >= 'a' && c <= 'z';
}
bool is_alphanumeric(char c) noexcept {
    return is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z');
}

bool all_of(std::string_view text, bool (*predicate)(char)) {
    return std::all_of(text.begin(), text.end(), predicate);
}

[[noreturn]] void refuse(std::string_view text, std::string_view problem, std::string hint) {
    throw Error(ErrorKind::usage, concat("not an image reference: ", quoted(text), ": ", problem))
        .hint(std::move(hint));
}

// A component of a name in the distribution specification: [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool is_name_component(std::string_view text) {
    const auto plain = [](char c) { return is_lower(c) || is_digit(c); };
    std::size_t i = 0;
    while (i < text.size()) {
        const std::size_t word = i;
        while (i < text.size() && plain(text[i])) ++i;
        if (i == word) return false;
        if (i == text.size()) return true;
        const std::size_t separator = i;
        while (i < text.size() && text[i] == text[separator]) ++i;
        const std::size_t length = i - separator;
        const char c = text[separator];
        if (!(c == '-' || (c == '.' && length == 1) || (c == '_' && length <= 2))) return false;
    }
    return false;
}

bool is_tag(std::string_view text) {
    if (text.empty() || text.size() > kMaxTag || text.front() == '.' || text.front() == '-') return false;
    return all_of(text, [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

// The characters of annotations.md, org.opencontainers.image.ref.name, and of tags in registries.
bool is_layout_tag(std::string_view text) {
    static constexpr std::string_view kSeparators = "-._:@+/";
    if (text.empty() || text.size() > kMaxLayoutTag) return false;
    if (!is_alphanumeric(text.front()) && text.front() != '_') return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
        return is_alphanumeric(c) || kSeparators.find(c) != std::string_view::npos;
    });
}

bool is_port(std::string_view text) {
    return !text.empty() && text.size() <= 5 && all_of(text, is_digit);
}

// A domain name, an IPv4 address or an IPv6 address in brackets, with an optional port.
bool is_host(std::string_view text) {
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos || end < 3) return false;
        const bool address = all_of(text.substr(1, end - 1), [](char c) {
            return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
        });
        const std::string_view rest = text.substr(end + 1);
        return address && (rest.empty() || (rest.front() == ':' && is_port(rest.substr(1))));
    }
    const std::size_t colon = text.find(':');
    if (colon != std::string_view::npos && !is_port(text.substr(colon + 1))) return false;
    const std::string_view name = text.substr(0, colon);
    char before = '.';
    for (const char c : name) {
        if (!is_alphanumeric(c) && c != '-' && c != '.') return false;
        if ((c == '.' || c == '-') && before == '.') return false;
        before = c;
    }
    return !name.empty() && before != '.' && before != '-';
}

bool is_repository(std::string_view path) {
    for (;;) {
        const std::size_t slash = path.find('/');
        if (!is_name_component(path.substr(0, slash))) return false;
        if (slash == std::string_view::npos) return true;
        path.remove_prefix(slash + 1);
    }
}

bool is_docker_hub(std::string_view host) {
    return host == "docker.io" || host == "index.docker.io" || host == "registry-1.docker.io";
}

// Expands a name as docker and podman do: a name without a host is on docker.io, and official images are in
// "library". All names of docker.io become the same one.
std::string with_host(std::string_view name) {
    const std::size_t slash = name.find('/');
    const std::string_view first = name.substr(0, slash);
    const bool has_host = slash != std::string_view::npos &&
                          (first.find_first_of(".:[") != std::string_view::npos || first == "localhost");
    if (has_host && !is_docker_hub(first)) return std::string(name);
    const std::string_view path = has_host ? name.substr(slash + 1) : name;
    return concat("docker.io/", path.find('/') == std::string_view::npos ? "library/" : "", path);
}

// `hint`: the advice if the name violates the grammar.
Reference parse_name(Transport transport, std::string_view text, std::string_view name, const char* hint) {
    Reference out{.transport = transport, .location = {}, .tag = {}, .digest = {}};
    const std::size_t at = name.find('@');
    if (at != std::string_view::npos) {
        try {
            out.digest = Digest::parse(name.substr(at + 1)).to_string();
        } catch (const Error& error) {
            refuse(text, error.message(), hint);
        }
        name = name.substr(0, at);
    }
    const std::size_t slash = name.rfind('/');
    const std::size_t colon = name.find(':', slash == std::string_view::npos ? 0 : slash);
    if (colon != std::string_view::npos) {
        const std::string_view tag = name.substr(colon + 1);
        if (!is_tag(tag)) refuse(text, concat("no tag: ", quoted(tag)), hint);
        // A digest is complete: a tag beside it could only mislead.
        if (out.digest.empty()) out.tag = tag;
        name = name.substr(0, colon);
    }
    if (name.empty()) refuse(text, "the name is empty", hint);
    out.location = with_host(name);
    const std::size_t host_end = out.location.find('/');
    if (out.location.size() > kMaxName || !is_host(std::string_view(out.location).substr(0, host_end)) ||
        !is_repository(std::string_view(out.location).substr(host_end + 1))) {
        refuse(text, concat("no name: ", quoted(name)), hint);
    }
    return out;
}

Reference parse_docker(std::string_view text, std::string_view name) {
    return parse_name(Transport::docker, text, name,
                      "write docker://HOST/NAME:TAG or docker://HOST/NAME@sha256:DIGEST");
}

Reference parse_daemon(std::string_view text, std::string_view name) {
    constexpr std::string_view kIdPrefix = "sha256:";
    constexpr std::size_t kIdDigits = 64;
    if (name.starts_with(kIdPrefix) && name.size() == kIdPrefix.size() + kIdDigits) {
        try {
            return {.transport = Transport::docker_daemon,
                    .location = {},
                    .tag = {},
                    .digest = Digest::parse(name).to_string()};
        } catch (const Error& error) {
            refuse(text, error.message(), "docker images --no-trunc lists the ids of images");
        }
    }
    Reference out = parse_name(Transport::docker_daemon, text, name,
                               "write docker-daemon:NAME:TAG, as docker images lists it");
    if (out.tag.empty() && out.digest.empty()) out.tag = "latest";
    return out;
}

Reference parse_directory(std::string_view text, std::string_view path) {
    if (path.empty()) refuse(text, "the path is empty", "write dir:DIRECTORY");
    if (path.find('\0') != std::string_view::npos) {
        refuse(text, "the path holds a NUL byte", "write dir:DIRECTORY");
    }
    return {.transport = Transport::directory, .location = std::string(path), .tag = {}, .digest = {}};
}

std::vector<std::string> split_files(std::string_view text) {
    std::vector<std::string> out;
    for (;;) {
        const std::size_t colon = text.find(':');
        out.emplace_back(text.substr(0, colon));
        if (colon == std::string_view::npos) return out;
        text.remove_prefix(colon + 1);
    }
}

Reference parse_tarball(std::string_view text, std::string_view files) {
    constexpr auto kHint = "write tarball:FILE[:FILE...], or tarball:- for standard input";
    if (files.find('\0') != std::string_view::npos) refuse(text, "a path holds a NUL byte", kHint);
    const std::vector<std::string> names = split_files(files);
    if (names.size() > kMaxTarballs) refuse(text, concat("more than ", kMaxTarballs, " files"), kHint);
    if (std::find(names.begin(), names.end(), "") != names.end()) refuse(text, "a path is empty", kHint);
    if (std::count(names.begin(), names.end(), "-") > 1) {
        refuse(text, "standard input can only be read once", kHint);
    }
    return {.transport = Transport::tarball, .location = std::string(files), .tag = {}, .digest = {}};
}

Reference parse_path(Transport transport, std::string_view text, std::string_view rest) {
    const std::string hint = concat("write ", to_string(transport),
                                    transport == Transport::oci ? ":DIRECTORY[:TAG]" : ":FILE[:TAG]");
    const std::size_t colon = rest.find(':');
    const std::string_view path = rest.substr(0, colon);
    if (path.empty()) refuse(text, "the path is empty", hint);
    if (path.find('\0') != std::string_view::npos) refuse(text, "the path holds a NUL byte", hint);
    Reference out{.transport = transport, .location = std::string(path), .tag = {}, .digest = {}};
    if (colon != std::string_view::npos) {
        out.tag = rest.substr(colon + 1);
        if (!is_layout_tag(out.tag) && !source_index(out.tag))
            refuse(text, concat("no tag: ", quoted(out.tag)), hint);
    }
    return out;
}

// Passes the name on unchanged, as one argument. podman checks its grammar.
Reference parse_storage(std::string_view text, std::string_view name) {
    const std::string hint = "write containers-storage:NAME[:TAG], as podman images lists it";
    if (name.empty()) refuse(text, "the name is empty", hint);
    const bool printable = all_of(name, [](char c) { return c > ' ' && c < '\x7F'; });
    if (!printable || name.size() > 4 * kMaxName || name.front() == '-') {
        refuse(text, concat("no name: ", quoted(name)), hint);
    }
    return {
        .transport = Transport::containers_storage, .location = std::string(name), .tag = {}, .digest = {}};
}

struct Prefix {
    std::string_view text;
    Transport transport;
};

constexpr std::array<Prefix, 8> kPrefixes{{
    {.text = "docker://", .transport = Transport::docker},
    {.text = "oci:", .transport = Transport::oci},
    {.text = "oci-archive:", .transport = Transport::oci_archive},
    {.text = "docker-archive:", .transport = Transport::docker_archive},
    {.text = "containers-storage:", .transport = Transport::containers_storage},
    {.text = "dir:", .transport = Transport::directory},
    {.text = "tarball:", .transport = Transport::tarball},
    {.text = "docker-daemon:", .transport = Transport::docker_daemon},
}};

// The advice for a text without a known transport.
std::string transport_hint(std::string_view text) {
    const std::size_t colon = text.find(':');
    std::vector<std::string> names;
    names.reserve(kPrefixes.size());
    for (const Prefix& prefix : kPrefixes) names.emplace_back(prefix.text.substr(0, prefix.text.find(':')));
    std::optional<std::string> nearest;
    if (colon != std::string_view::npos) nearest = nearest_name(text.substr(0, colon), names);
    if (nearest) return concat("did you mean ", *nearest, *nearest == "docker" ? "://" : ":", "?");
    return "begin with docker://, oci:, dir:, oci-archive:, docker-archive:, docker-daemon:, tarball: or "
           "containers-storage:";
}

// True for "latest", "edge", "v1", "1.2.3", "3.20-r1": a version, not a name.
bool is_version(std::string_view tag) {
    constexpr std::array<std::string_view, 6> kWords{"latest",  "edge",    "stable",
                                                     "testing", "nightly", "main"};
    if (std::find(kWords.begin(), kWords.end(), tag) != kWords.end()) return true;
    if (tag.starts_with('v')) tag.remove_prefix(1);
    return tag.empty() || is_digit(tag.front());
}

// The last part of a path or a name, without tag and digest.
std::string_view last_part(std::string_view name) {
    name = name.substr(0, name.find('@'));
    while (name.ends_with('/')) name.remove_suffix(1);
    const std::size_t slash = name.rfind('/');
    if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
    return name.substr(0, name.find(':'));
}

std::string_view without_suffixes(std::string_view name) {
    constexpr std::array<std::string_view, 3> kSuffixes{".tar", ".oci", ".ociarchive"};
    for (bool again = true; again;) {
        again = false;
        for (const std::string_view suffix : kSuffixes) {
            if (!name.ends_with(suffix)) continue;
            name.remove_suffix(suffix.size());
            again = true;
        }
    }
    return name;
}

// The last component of a path.
std::string_view file_name(std::string_view path) {
    while (path.ends_with('/')) path.remove_suffix(1);
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// Removes one of the suffixes, unless nothing would remain.
template<std::size_t N>
bool remove_suffix_of(std::string_view& name, const std::array<std::string_view, N>& suffixes) {
    for (const std::string_view suffix : suffixes) {
        if (!name.ends_with(suffix) || name.size() == suffix.size()) continue;
        name.remove_suffix(suffix.size());
        return true;
    }
    return false;
}

// The name of a root filesystem without the parts that change between its versions and machines:
// "alpine-minirootfs-3.20.3-x86_64.tar.gz" -> "alpine-minirootfs".
std::string_view tarball_name(std::string_view file) {
    constexpr std::array<std::string_view, 12> kFormats{".gz",  ".zst",  ".zstd", ".xz",  ".bz2",  ".tar",
                                                        ".tgz", ".tzst", ".tzs",  ".txz", ".tbz2", ".tbz"};
    constexpr std::array<std::string_view, 12> kMachines{"x86_64",  "amd64",       "aarch64", "arm64",
                                                         "armv7",   "armhf",       "riscv64", "s390x",
                                                         "ppc64le", "loongarch64", "x86",     "386"};
    while (remove_suffix_of(file, kFormats)) {
    }
    for (const std::string_view machine : kMachines) {
        if (!file.ends_with(machine) || file.size() < machine.size() + 2) continue;
        const char before = file[file.size() - machine.size() - 1];
        if (before != '-' && before != '_' && before != '.') continue;
        file.remove_suffix(machine.size() + 1);
        break;
    }
    const std::size_t dash = file.rfind('-');
    if (dash != std::string_view::npos && dash > 0 && is_version(file.substr(dash + 1)))
        file = file.substr(0, dash);
    return file;
}

std::string sanitized(std::string_view name) {
    std::string out;
    for (const char c : name.substr(0, kMaxShortName)) {
        out += is_alphanumeric(c) || c == '.' || c == '_' || c == '-' ? c : '-';
    }
    const std::size_t begin = out.find_first_not_of(".-");
    return begin == std::string::npos ? "image" : out.substr(begin);
}

}  // namespace

std::string_view to_string(Transport transport) noexcept {
    switch (transport) {
        case Transport::docker:
            return "docker";
        case Transport::oci:
            return "oci";
        case Transport::oci_archive:
            return "oci-archive";
        case Transport::docker_archive:
            return "docker-archive";
        case Transport::containers_storage:
            return "containers-storage";
        case Transport::directory:
            return "dir";
        case Transport::tarball:
            return "tarball";
        case Transport::docker_daemon:
            return "docker-daemon";
    }
    return "oci";
}

Reference Reference::parse(std::string_view text) {
    for (const Prefix& prefix : kPrefixes) {
        if (!text.starts_with(prefix.text)) continue;
        const std::string_view rest = text.substr(prefix.text.size());
        switch (prefix.transport) {
            case Transport::docker:
                return parse_docker(text, rest);
            case Transport::docker_daemon:
                return parse_daemon(text, rest);
            case Transport::containers_storage:
                return parse_storage(text, rest);
            case Transport::directory:
                return parse_directory(text, rest);
            case Transport::tarball:
                return parse_tarball(text, rest);
            case Transport::oci:
            case Transport::oci_archive:
            case Transport::docker_archive:
                return parse_path(prefix.transport, text, rest);
        }
    }
    refuse(text, "no transport in front", transport_hint(text));
}

bool Reference::has_transport(std::string_view text) noexcept {
    return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                       [text](const Prefix& prefix) { return text.starts_with(prefix.text); });
}

bool Reference::looks_like_image(std::string_view text) noexcept {
    // An unknown transport and docker: without // are mistakes, not refs.
    return has_transport(text) || text.starts_with("docker:") || text.find("://") != std::string_view::npos;
}

Reference Reference::with_digest(const Digest& other) const {
    Reference out = *this;
    out.tag.clear();
    out.digest = other.to_string();
    return out;
}

std::string Reference::to_string() const {
    std::string out =
        concat(oci::to_string(transport), transport == Transport::docker ? "://" : ":", location);
    if (!tag.empty()) out += ":" + tag;
    if (!digest.empty()) out += location.empty() ? digest : "@" + digest;
    return out;
}

std::vector<std::string> Reference::files() const {
    return split_files(location);
}

std::string Reference::short_name() const {
    if (transport == Transport::containers_storage) {
        // [driver@root+run]NAME: the store is not part of the name.
        std::string_view name = location;
        if (name.starts_with('[')) name.remove_prefix(std::min(name.find(']'), name.size() - 1) + 1);
        return sanitized(last_part(name));
    }
    if (transport == Transport::docker) return sanitized(last_part(location));
    if (transport == Transport::docker_daemon) {
        constexpr std::size_t kIdBegin = 7;
        constexpr std::size_t kIdDigits = 12;
        return sanitized(location.empty() ? digest.substr(kIdBegin, kIdDigits) : last_part(location));
    }
    if (transport == Transport::tarball) {
        const std::vector<std::string> names = files();
        return names.front() == "-" ? "image" : sanitized(tarball_name(file_name(names.front())));
    }
    const std::string_view from_tag = last_part(tag);
    if (!is_version(from_tag)) return sanitized(without_suffixes(from_tag));
    return sanitized(without_suffixes(file_name(location)));
}

std::string full_image_name(std::string_view name) {
    const Reference out =
        parse_name(Transport::docker, name, name, "write NAME:TAG, for example localhost/os:1");
    if (!out.digest.empty()) refuse(name, "a digest instead of a tag", "write NAME:TAG");
    return concat(out.location, ':', out.tag.empty() ? "latest" : out.tag);
}

std::optional<std::size_t> source_index(std::string_view tag) noexcept {
    constexpr std::size_t kMostDigits = 4;
    if (!tag.starts_with('@') || tag.size() < 2 || tag.size() > 1 + kMostDigits) return std::nullopt;
    std::size_t out = 0;
    for (const char c : tag.substr(1)) {
        if (!is_digit(c)) return std::nullopt;
        out = out * 10 + static_cast<std::size_t>(c - '0');
    }
    return out;
}

}  // namespace osb::oci
