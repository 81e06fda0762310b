#include "system/origin/origin.hh"

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "image/deployment/origin.hh"
#include "oci/documents/digest.hh"
#include "ostree/objects/key_file.hh"
#include "ostree/objects/repository.hh"

namespace osb::system {
namespace {

using ostree::KeyFile;

constexpr const char* kGroup = "origin";
constexpr const char* kImageKey = "container-image-reference";
constexpr const char* kOwnGroup = "osb-oci";
constexpr const char* kDigestKey = "manifest-digest";
constexpr const char* kUntriedKey = "untried";
constexpr const char* kTransientGroup = "libostree-transient";
constexpr std::size_t kCommitLength = 64;

// These want a signature of the image, or of the commit inside it.
constexpr std::array<std::string_view, 3> kVerifying{
    "ostree-image-signed:", "ostree-remote-registry:", "ostree-remote-image:"};
constexpr std::array<std::string_view, 2> kUnverified{"ostree-unverified-registry:",
                                                      "ostree-unverified-image:"};
// Of the transports that the grammar has, those that osb-oci has not.
constexpr std::array<std::string_view, 2> kForeign{"dir:", "docker-daemon:"};

template<std::size_t N>
bool begins_with_one_of(std::string_view text, const std::array<std::string_view, N>& prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [text](std::string_view prefix) { return text.starts_with(prefix); });
}

// Of a digest that is malformed nothing is known, as where there is none.
std::string known_digest(const KeyFile& file) {
    const std::string text = file.get(kOwnGroup, kDigestKey).value_or("");
    try {
        return text.empty() ? "" : oci::Digest::parse(text).to_string();
    } catch (const Error&) {
        return "";
    }
}

ImageOrigin image_of(const std::string& value, const KeyFile& file) {
    if (begins_with_one_of(value, kVerifying)) {
        throw Error(ErrorKind::unsupported,
                    concat("the origin ", quoted(value), " wants signatures to be verified"))
            .hint("'osb-oci switch ostree-unverified-registry:NAME' follows an image without them");
    }
    if (!begins_with_one_of(value, kUnverified)) {
        throw Error(ErrorKind::invalid, concat("the origin ", quoted(value), " is no reference to an image"));
    }
    const std::string_view image = std::string_view(value).substr(value.find(':') + 1);
    if (!value.starts_with(kUnverified.front()) && begins_with_one_of(image, kForeign)) {
        throw Error(ErrorKind::unsupported,
                    concat("the origin ", quoted(value), " names a transport that osb-oci cannot read"));
    }
    try {
        return {
            .value = value, .reference = image::origin_image(value), .manifest_digest = known_digest(file)};
    } catch (const Error& error) {
        // Not the command line is wrong, but the file.
        throw Error(ErrorKind::invalid, concat("the origin ", quoted(value), ": ", error.message()));
    }
}

bool is_commit(std::string_view text) {
    return text.size() == kCommitLength &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Origin refspec_of(std::string_view text) {
    constexpr std::string_view kScheme = "ostree://";  // of older versions of rpm-ostree
    const std::string spec(text.starts_with(kScheme) ? text.substr(kScheme.size()) : text);
    if (is_commit(spec)) return NoOrigin{};
    const std::size_t colon = spec.find(':');
    const bool has_remote = colon != std::string::npos;
    const std::string remote = has_remote ? spec.substr(0, colon) : "";
    const auto ref = ostree::RefName::try_parse(has_remote ? spec.substr(colon + 1) : spec);
    // A name of a remote is one part of a ref's name.
    const bool is_remote_good =
        !has_remote || (ostree::RefName::try_parse(remote) && remote.find('/') == std::string::npos);
    if (!ref || !is_remote_good) {
        throw Error(ErrorKind::invalid, concat("the origin ", quoted(text), " is no ref of a remote"));
    }
    return RefspecOrigin{.remote = remote, .ref = *ref};
}

Origin origin_of(const KeyFile& file) {
    if (const auto state = file.get(kGroup, "unconfigured-state")) {
        throw Error(ErrorKind::unsupported,
                    concat("the origin says that this system is not configured: ", escape(*state)));
    }
    if (const auto image = file.get(kGroup, kImageKey)) return image_of(*image, file);
    if (const auto refspec = file.get(kGroup, "refspec")) return refspec_of(*refspec);
    // What rpm-ostree builds a commit of its own on.
    if (const auto base = file.get(kGroup, "baserefspec")) {
        if (!file.get("packages", "requested").value_or("").empty()) {
            throw Error(ErrorKind::unsupported,
                        concat("rpm-ostree has added packages to ", quoted(*base), ", which would be lost"))
                .hint("'rpm-ostree upgrade' keeps them");
        }
        return refspec_of(*base);
    }
    return NoOrigin{};
}

// With the transports that osb-oci has beside registries.
std::string as_written(std::string_view reference) {
    constexpr std::array<std::string_view, 4> kOthers{
        "oci:", "oci-archive:", "docker-archive:", "containers-storage:"};
    if (begins_with_one_of(reference, kOthers)) return concat("ostree-unverified-image:", reference);
    return std::string(reference);
}

}  // namespace

Origin parse_origin(std::string_view text) {
    return with_context([] { return "origin file"; }, [text] { return origin_of(KeyFile::parse(text)); });
}

std::string to_string(const Origin& origin) {
    if (const auto* image = std::get_if<ImageOrigin>(&origin)) return image->reference;
    if (const auto* refspec = std::get_if<RefspecOrigin>(&origin)) {
        return refspec->remote.empty() ? refspec->ref.text() : concat(refspec->remote, ':', refspec->ref);
    }
    return "";
}

std::string image_origin_at(std::string_view reference, const std::string& manifest_digest,
                            std::string_view previous) {
    // The value goes into the file as it is.
    const auto breaks_value = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\\'; };
    if (std::any_of(reference.begin(), reference.end(), breaks_value) || !is_utf8(reference)) {
        throw Error(ErrorKind::usage, concat("the image reference ", quoted(reference),
                                             " has a character that an origin cannot hold"));
    }
    KeyFile out = KeyFile::parse(image::image_origin(as_written(reference)));
    if (!manifest_digest.empty()) out.set(kOwnGroup, kDigestKey, manifest_digest);
    KeyFile rest;
    try {
        rest = KeyFile::parse(previous);
    } catch (const Error&) {
        // It is replaced; what was wrong with it is not carried on.
    }
    for (const char* group : {kGroup, kOwnGroup, kTransientGroup}) rest.remove_group(group);
    const std::string others = rest.to_string();
    return concat(out.to_string(), others.empty() ? "" : "\n", others);
}

bool is_untried(std::string_view origin) {
    try {
        return KeyFile::parse(origin).get(kOwnGroup, kUntriedKey) == "true";
    } catch (const Error&) {
        return false;
    }
}

std::string with_untried(std::string_view origin, bool untried) {
    KeyFile file = KeyFile::parse(origin);
    if (untried) {
        file.set(kOwnGroup, kUntriedKey, "true");
    } else {
        file.remove(kOwnGroup, kUntriedKey);
    }
    return file.to_string();
}

std::string with_state_of(std::string_view origin, std::string_view previous) {
    constexpr std::array<std::pair<const char*, const char*>, 3> kState{
        {{kTransientGroup, "pinned"}, {kGroup, "unlocked"}, {kOwnGroup, kUntriedKey}}};
    KeyFile out = KeyFile::parse(origin);
    const KeyFile from = KeyFile::parse(previous);
    for (const auto& [group, key] : kState) {
        if (const auto value = from.get(group, key)) out.set(group, key, *value);
    }
    return out.to_string();
}

std::string without_transient(std::string_view origin) {
    KeyFile file = KeyFile::parse(origin);
    file.remove(kOwnGroup, kUntriedKey);
    file.remove_group(kTransientGroup);
    return file.to_string();
}

}  // namespace osb::system
