#include "image/deployment/origin.hh"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/reference.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/key_file.hh"
#include "ostree/objects/remote_trust.hh"

namespace osb::image {
namespace {

using ostree::KeyFile;

constexpr const char* kOriginGroup = "origin";
constexpr const char* kImageKey = "container-image-reference";
constexpr const char* kOwnGroup = "osb-oci";
constexpr const char* kDigestKey = "manifest-digest";
constexpr const char* kRefspecKey = "refspec";
constexpr const char* kBaseRefspecKey = "baserefspec";
constexpr const char* kUntriedKey = "untried";
constexpr const char* kTransientGroup = "libostree-transient";

// These require a signature of the commit inside the image, by the keys of a remote.
constexpr std::string_view kRemoteRegistry = "ostree-remote-registry:";
constexpr std::string_view kRemoteImage = "ostree-remote-image:";
constexpr std::string_view kSignedImage = "ostree-image-signed:";
constexpr std::string_view kUnverifiedRegistry = "ostree-unverified-registry:";
constexpr std::string_view kUnverifiedImage = "ostree-unverified-image:";
constexpr std::array<std::string_view, 5> kForms{kUnverifiedRegistry, kUnverifiedImage, kSignedImage,
                                                 kRemoteRegistry, kRemoteImage};

template<std::size_t N>
bool begins_with_one_of(std::string_view text, const std::array<std::string_view, N>& prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [text](std::string_view prefix) { return text.starts_with(prefix); });
}

// A malformed digest counts as missing.
std::string known_digest(const KeyFile& file) {
    const std::string text = file.get(kOwnGroup, kDigestKey).value_or("");
    try {
        return text.empty() ? "" : oci::Digest::parse(text).to_string();
    } catch (const Error&) {
        return "";
    }
}

struct Parsed {
    std::string signature;  // up to and including the ':' before the image
    std::string image;      // TRANSPORT:NAME
    std::string remote;     // whose keys verify the commit; "" for none
    bool is_registry_form = false;
};

bool take(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

// Removes the remote's name and its ':' from the front of `text`, and returns the name.
std::string take_remote(std::string_view& text, std::string_view whole) {
    const std::size_t colon = text.find(':');
    std::string name(text.substr(0, colon));
    if (colon == std::string_view::npos || !ostree::is_remote_name(name)) {
        throw Error(ErrorKind::usage,
                    concat("the image reference ", quoted(whole), " does not name a remote"));
    }
    text.remove_prefix(colon + 1);
    return name;
}

// ostree-ext calls the transport of registries "registry", too.
std::string normal_image(std::string_view text) {
    if (take(text, "registry:")) return concat("docker://", text);
    return std::string(text);
}

Parsed parse_reference(std::string_view reference) {
    std::string_view rest = reference;
    Parsed out;
    if (take(rest, kUnverifiedRegistry)) {
        out.image = concat("docker://", rest);
    } else if (take(rest, kRemoteRegistry)) {
        out.remote = take_remote(rest, reference);
        out.image = concat("docker://", rest);
    } else if (take(rest, kUnverifiedImage) || take(rest, kSignedImage)) {
        out.image = normal_image(rest);
    } else if (take(rest, kRemoteImage)) {
        out.remote = take_remote(rest, reference);
        out.image = normal_image(rest);
    } else {
        // A reference without any of these prefixes names an image in a registry.
        out.image = rest.starts_with("docker://") ? std::string(rest) : concat("docker://", rest);
        out.signature = kUnverifiedRegistry;
        return out;
    }
    out.signature = reference.substr(0, reference.size() - rest.size());
    out.is_registry_form = true;
    return out;
}

// Returns the full name: quay.io/x/y:1, with docker.io as the default registry.
std::string checked_image(const Parsed& parsed) {
    return oci::Reference::parse(parsed.image).to_string();
}

ImageOrigin image_of(const std::string& value, const KeyFile& file) {
    if (!begins_with_one_of(value, kForms)) {
        throw Error(ErrorKind::invalid,
                    concat("the origin ", quoted(value), " is not a reference to an image"));
    }
    try {
        const Parsed parsed = parse_reference(value);
        return {.value = value,
                .reference = checked_image(parsed),
                .manifest_digest = known_digest(file),
                .requires_signature = value.starts_with(kSignedImage),
                .remote = parsed.remote};
    } catch (const Error& error) {
        // The file is wrong, not the command line.
        throw Error(ErrorKind::invalid, concat("the origin ", quoted(value), ": ", error.message()));
    }
}

OriginTarget refspec_of(std::string_view text) {
    constexpr std::string_view kScheme = "ostree://";  // of older versions of rpm-ostree
    const std::string spec(text.starts_with(kScheme) ? text.substr(kScheme.size()) : text);
    if (ostree::CommitId::try_parse(spec)) return NoOrigin{};
    const std::size_t colon = spec.find(':');
    const bool has_remote = colon != std::string::npos;
    const std::string remote = has_remote ? spec.substr(0, colon) : "";
    const auto ref = ostree::RefName::try_parse(has_remote ? spec.substr(colon + 1) : spec);
    const bool is_remote_good = !has_remote || ostree::is_remote_name(remote);
    if (!ref || !is_remote_good) {
        throw Error(ErrorKind::invalid, concat("the origin ", quoted(text), " is not a ref of a remote"));
    }
    return RefspecOrigin{.remote = remote, .ref = *ref};
}

OriginTarget target_of(const KeyFile& file) {
    if (const auto state = file.get(kOriginGroup, "unconfigured-state")) {
        throw Error(ErrorKind::unsupported, concat("this system is not configured: ", escape(*state)));
    }
    if (const auto image = file.get(kOriginGroup, kImageKey)) return image_of(*image, file);
    if (const auto refspec = file.get(kOriginGroup, kRefspecKey)) return refspec_of(*refspec);
    // The ref on which rpm-ostree builds its own commit.
    if (const auto base = file.get(kOriginGroup, kBaseRefspecKey)) {
        if (!file.get("packages", "requested").value_or("").empty()) {
            throw Error(ErrorKind::unsupported,
                        concat("rpm-ostree has added packages to ", quoted(*base), ", which would be lost"))
                .hint("'rpm-ostree upgrade' keeps them");
        }
        return refspec_of(*base);
    }
    return NoOrigin{};
}

}  // namespace

std::string to_string(const OriginTarget& target) {
    if (const auto* image = std::get_if<ImageOrigin>(&target)) return image->reference;
    if (const auto* refspec = std::get_if<RefspecOrigin>(&target)) {
        return refspec->remote.empty() ? refspec->ref.text() : concat(refspec->remote, ':', refspec->ref);
    }
    return "";
}

Origin Origin::parse(std::string_view text) {
    return with_context([] { return "origin file"; },
                        [text] { return Origin(KeyFile::parse(text).to_string()); });
}

Origin Origin::parse_or_empty(std::string_view text) {
    try {
        return parse(text);
    } catch (const Error&) {
        return {};
    }
}

Origin Origin::of_image(std::string_view reference, const std::string& manifest_digest) {
    // The file stores the value unescaped.
    const auto breaks_value = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\\'; };
    if (std::any_of(reference.begin(), reference.end(), breaks_value) || !is_utf8(reference)) {
        throw Error(ErrorKind::usage, concat("the image reference ", quoted(reference),
                                             " has a character that origins do not support"));
    }
    const Parsed parsed = parse_reference(reference);
    const std::string image = checked_image(parsed);
    // A value in that grammar stays as it was written.
    const std::string value =
        parsed.is_registry_form
            ? std::string(reference)
            : concat(parsed.signature, image.substr(std::string_view("docker://").size()));
    KeyFile file;
    file.set(kOriginGroup, kImageKey, value);
    if (!manifest_digest.empty()) file.set(kOwnGroup, kDigestKey, manifest_digest);
    return Origin(file.to_string());
}

Origin Origin::of_refspec(std::string_view refspec) {
    KeyFile file;
    file.set(kOriginGroup, kRefspecKey, std::string(refspec));
    return Origin(file.to_string());
}

OriginTarget Origin::target() const {
    return with_context([] { return "origin file"; }, [this] { return target_of(KeyFile::parse(text_)); });
}

std::string Origin::named() const {
    try {
        const KeyFile file = KeyFile::parse(text_);
        for (const char* key : {kImageKey, kRefspecKey, kBaseRefspecKey}) {
            if (const auto value = file.get(kOriginGroup, key)) return *value;
        }
    } catch (const Error& error) {
        log_debug(concat("origin: ", error.message()));
    }
    return "";
}

bool Origin::is_untried() const {
    try {
        return KeyFile::parse(text_).get(kOwnGroup, kUntriedKey) == "true";
    } catch (const Error&) {
        return false;
    }
}

Origin Origin::with_untried(bool untried) const {
    KeyFile file = KeyFile::parse(text_);
    if (untried) {
        file.set(kOwnGroup, kUntriedKey, "true");
    } else {
        file.remove(kOwnGroup, kUntriedKey);
    }
    return Origin(file.to_string());
}

Origin Origin::with_groups_of(const Origin& previous) const {
    KeyFile rest = KeyFile::parse(previous.text_);
    for (const char* group : {kOriginGroup, kOwnGroup, kTransientGroup}) rest.remove_group(group);
    const std::string others = rest.to_string();
    return parse(concat(text_, others.empty() ? "" : "\n", others));
}

Origin Origin::with_state_of(const Origin& previous) const {
    constexpr std::array<std::pair<const char*, const char*>, 3> kState{
        {{kTransientGroup, "pinned"}, {kOriginGroup, "unlocked"}, {kOwnGroup, kUntriedKey}}};
    KeyFile out = KeyFile::parse(text_);
    const KeyFile from = KeyFile::parse(previous.text_);
    for (const auto& [group, key] : kState) {
        if (const auto value = from.get(group, key)) out.set(group, key, *value);
    }
    return Origin(out.to_string());
}

Origin Origin::without_state() const {
    KeyFile file = KeyFile::parse(text_);
    file.remove(kOwnGroup, kUntriedKey);
    file.remove_group(kTransientGroup);
    return Origin(file.to_string());
}

std::string with_grammar(std::string_view reference) {
    constexpr std::array<std::string_view, 7> kOthers{
        "oci:", "oci-archive:",   "docker-archive:", "containers-storage:",
        "dir:", "docker-daemon:", "tarball:"};
    if (begins_with_one_of(reference, kOthers)) return concat(kUnverifiedImage, reference);
    return std::string(reference);
}

std::string origin_image(std::string_view reference) {
    return checked_image(parse_reference(reference));
}

ostree::RefName image_ref(std::string_view reference) {
    return ostree::RefName::escaped(kImageRefPrefix, origin_image(reference));
}

}  // namespace osb::image
