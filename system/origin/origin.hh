// What a deployment follows, read from its origin file: as osb-oci, bootc, rpm-ostree and `ostree remote`
// write it. image/deployment/origin.hh writes one.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "ostree/objects/ref_name.hh"

namespace osb::system {

// An image. `reference` is TRANSPORT:NAME, as oci::Reference parses it; `value` stands in the file as it is
// ("ostree-unverified-registry:quay.io/x/y:1").
struct ImageOrigin {
    std::string value;
    std::string reference;
    std::string manifest_digest;  // what was deployed, where osb-oci wrote it; "" else
};
// A ref of an ostree remote ("REMOTE:REF"; the remote is "" for a local one).
struct RefspecOrigin {
    std::string remote;
    ostree::RefName ref;
};
// A commit that nothing follows, or a file that says nothing we know.
struct NoOrigin {};
using Origin = std::variant<NoOrigin, ImageOrigin, RefspecOrigin>;

// Throws Error{unsupported} for a policy that osb-oci cannot keep (ostree-image-signed: wants signatures to
// be verified), rather than to follow the image without it, for a system that its unconfigured-state says is
// not to be upgraded yet, and for packages that rpm-ostree has added; Error{invalid} for a file that is
// malformed.
Origin parse_origin(std::string_view text);

// For people: "docker://quay.io/x/y:1", "origin:os/x86_64/main", "" for none.
std::string to_string(const Origin& origin);

// The text of the file for a deployment of that image at that manifest: container-image-reference as
// image_origin() writes it, the digest in a group of our own; other groups of `previous` (libostree-transient
// excepted) stay. `reference` may also be of another transport (oci:DIR:TAG). Throws Error{usage}.
std::string image_origin_at(std::string_view reference, const std::string& manifest_digest,
                            std::string_view previous);

// Whether the deployment with that origin was made to be tried and has not passed its checks since: it is
// nothing to go back to, whatever became of the trial. False for a malformed text, and for what others
// deployed.
bool is_untried(std::string_view origin);
std::string with_untried(std::string_view origin, bool untried);

// `origin` with what `previous` has that belongs to the deployment itself: that it is pinned, unlocked or
// untried. For a deployment that stays, and follows something else.
std::string with_state_of(std::string_view origin, std::string_view previous);

// The text of an origin without what belongs to one deployment alone, as that it is pinned or untried.
std::string without_transient(std::string_view origin);

}  // namespace osb::system
