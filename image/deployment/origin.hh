// The origin file of a deployment: the image or ref that it follows, as libostree, bootc, rpm-ostree and
// osb-oci read and write it. Only this file knows the grammar.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "ostree/objects/ref_name.hh"

namespace osb::image {

// An image. `reference` is TRANSPORT:NAME, as oci::Reference parses it. `value` is the unchanged text of the
// file ("ostree-unverified-registry:quay.io/x/y:1").
struct ImageOrigin {
    std::string value;
    std::string reference;
    std::string manifest_digest;  // of the deployed image, if osb-oci wrote it; else ""
    // ostree-image-signed: the policy must ask for a signature, and the image must have it.
    bool requires_signature = false;
    // ostree-remote-registry: and ostree-remote-image: the commit inside the image must have the signatures
    // that the configuration of this ostree remote requires (ostree::RemoteTrust). "" for the other forms.
    std::string remote;
};
// A ref of an ostree remote ("REMOTE:REF"; the remote is "" for a local one).
struct RefspecOrigin {
    std::string remote;
    ostree::RefName ref;
};
// No target: a commit that follows nothing, or a file without a known key.
struct NoOrigin {};
using OriginTarget = std::variant<NoOrigin, ImageOrigin, RefspecOrigin>;

// Returns a text for messages: "docker://quay.io/x/y:1", "origin:os/x86_64/main", or "" for NoOrigin.
std::string to_string(const OriginTarget& target);

// The contents of an origin file: always a well-formed key file. Unknown groups and keys are kept.
// ostree::Deployment and ostree::Sysroot hold the origin as text, because it belongs to libostree there and
// ostree/ does not depend on images.
class Origin {
  public:
    // An empty file.
    Origin() = default;

    // Throws Error{invalid} for a text that is not a key file.
    static Origin parse(std::string_view text);
    // As parse(), but returns an empty origin for a text that is not a key file.
    static Origin parse_or_empty(std::string_view text);
    // Returns the origin for an image. `reference` is "docker://NAME", a bare "HOST/NAME:TAG", or one of the
    // forms that ostree-ext writes: ostree-unverified-registry:NAME, ostree-unverified-image:TRANSPORT:NAME,
    // ostree-image-signed:TRANSPORT:NAME, ostree-remote-registry:REMOTE:NAME,
    // ostree-remote-image:REMOTE:TRANSPORT:NAME. The form is kept. `manifest_digest` is that of the deployed
    // image, or "" if it is not known. Throws Error{usage}.
    static Origin of_image(std::string_view reference, const std::string& manifest_digest = {});
    // Returns the origin for a ref. A ref of a remote is "REMOTE:REF".
    static Origin of_refspec(std::string_view refspec);

    // The text as GLib writes it. Equal origins have equal texts.
    const std::string& text() const noexcept { return text_; }
    bool operator==(const Origin&) const = default;

    // Returns the target that the deployment follows. Throws Error{unsupported}, and does not ignore the
    // setting, for
    // - a system whose unconfigured-state says that it must not be upgraded yet,
    // - packages that rpm-ostree has added.
    // Throws Error{invalid} for malformed values.
    OriginTarget target() const;
    // Returns the name of the target as it is written, without regard to the policy. Returns "" if there is
    // no name or the value is malformed.
    std::string named() const;

    // Returns true if the deployment was made for a trial and has not passed its checks since. Such a
    // deployment is not a rollback target, whatever the outcome of the trial. False for deployments of other
    // programs.
    bool is_untried() const;
    Origin with_untried(bool untried) const;
    // Returns this origin with those groups of `previous` that neither osb-oci nor libostree uses.
    Origin with_groups_of(const Origin& previous) const;
    // Returns this origin with the state of the deployment from `previous`: pinned, unlocked or untried. Use
    // it for a deployment that stays and follows another target.
    Origin with_state_of(const Origin& previous) const;
    // Returns this origin without the state of a single deployment, such as pinned or untried.
    Origin without_state() const;

  private:
    explicit Origin(std::string text) : text_(std::move(text)) {}

    std::string text_;
};

// Converts a reference into a form that of_image() reads. The reference may also have a transport that
// osb-oci supports besides registries (oci:DIR:TAG).
std::string with_grammar(std::string_view reference);

// Returns the image that a reference names, as TRANSPORT:NAME ("docker://quay.io/x/y:1"). Accepts the forms
// that of_image() reads. ostree-ext derives the name of its ref from this. Throws Error{usage}.
std::string origin_image(std::string_view reference);

// The ref of such an image's commit in the repository of a sysroot. ostree-ext uses the same ref.
inline constexpr std::string_view kImageRefPrefix = "ostree/container/image";
ostree::RefName image_ref(std::string_view reference);

}  // namespace osb::image
