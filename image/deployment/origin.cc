#include "image/deployment/origin.hh"

#include <array>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/reference.hh"

namespace osb::image {
namespace {

constexpr std::string_view kUnverifiedRegistry = "ostree-unverified-registry:";

struct Parsed {
    std::string signature;  // up to and with the ':' before the image
    std::string image;      // TRANSPORT:NAME
    bool is_registry_form = false;
};

bool take(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

// What follows the remote's name and its ':'.
std::string_view after_remote(std::string_view text, std::string_view whole) {
    const std::size_t colon = text.find(':');
    if (colon == 0 || colon == std::string_view::npos) {
        throw Error(ErrorKind::usage, concat("the image reference ", quoted(whole), " names no remote"));
    }
    return text.substr(colon + 1);
}

// ostree-ext calls the transport of registries "registry", too.
std::string normal_image(std::string_view text) {
    if (take(text, "registry:")) return concat("docker://", text);
    return std::string(text);
}

Parsed parse(std::string_view reference) {
    std::string_view rest = reference;
    Parsed out;
    if (take(rest, kUnverifiedRegistry)) {
        out.image = concat("docker://", rest);
    } else if (take(rest, "ostree-remote-registry:")) {
        out.image = concat("docker://", after_remote(rest, reference));
    } else if (take(rest, "ostree-unverified-image:") || take(rest, "ostree-image-signed:")) {
        out.image = normal_image(rest);
    } else if (take(rest, "ostree-remote-image:")) {
        out.image = normal_image(after_remote(rest, reference));
    } else {
        // One without any of these is taken as it is, from a registry.
        out.image = rest.starts_with("docker://") ? std::string(rest) : concat("docker://", rest);
        out.signature = kUnverifiedRegistry;
        return out;
    }
    out.signature = reference.substr(0, reference.size() - rest.size());
    out.is_registry_form = true;
    return out;
}

// Its name in full: quay.io/x/y:1, and docker.io where none is given.
std::string checked_image(const Parsed& parsed) {
    return oci::Reference::parse(parsed.image).to_string();
}

}  // namespace

std::string image_origin(std::string_view reference) {
    const Parsed parsed = parse(reference);
    const std::string image = checked_image(parsed);
    // What was written in that grammar stays as it was written.
    const std::string value =
        parsed.is_registry_form
            ? std::string(reference)
            : concat(parsed.signature, image.substr(std::string_view("docker://").size()));
    return concat("[origin]\ncontainer-image-reference=", value, '\n');
}

std::string origin_image(std::string_view reference) {
    return checked_image(parse(reference));
}

ostree::RefName image_ref(std::string_view reference) {
    return ostree::RefName::escaped(kImageRefPrefix, origin_image(reference));
}

std::string refspec_origin(std::string_view refspec) {
    return concat("[origin]\nrefspec=", refspec, '\n');
}

}  // namespace osb::image
