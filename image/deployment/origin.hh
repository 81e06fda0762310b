// What a deployment follows: its origin file, as libostree, bootc, rpm-ostree and osb-oci read and write it.
// The one place that knows its grammar.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "ostree/objects/ref_name.hh"

namespace osb::image {

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
using OriginTarget = std::variant<NoOrigin, ImageOrigin, RefspecOrigin>;

// For people: "docker://quay.io/x/y:1", "origin:os/x86_64/main", "" for none.
std::string to_string(const OriginTarget& target);

// The contents of an origin file: always a well-formed key file. Groups and keys that are not known here are
// kept. (ostree::Deployment and ostree::Sysroot have its text: it is libostree's there, and ostree/ knows
// nothing of images.)
class Origin {
  public:
    // An empty file.
    Origin() = default;

    // Throws Error{invalid} for a text that is not a key file.
    static Origin parse(std::string_view text);
    // The empty one for such a text.
    static Origin parse_or_empty(std::string_view text);
    // For an image. `reference` is "docker://NAME", a bare "HOST/NAME:TAG", or in the grammar that ostree-ext
    // writes (ostree-unverified-registry:NAME, ostree-unverified-image:TRANSPORT:NAME,
    // ostree-image-signed:TRANSPORT:NAME, ostree-remote-registry:REMOTE:NAME,
    // ostree-remote-image:REMOTE:TRANSPORT:NAME), which is kept. `manifest_digest`: of what is deployed, ""
    // where that is not said. Throws Error{usage}.
    static Origin of_image(std::string_view reference, const std::string& manifest_digest = {});
    // For a ref; of a remote "REMOTE:REF".
    static Origin of_refspec(std::string_view refspec);

    // As GLib writes it: equal origins have equal texts.
    const std::string& text() const noexcept { return text_; }
    bool operator==(const Origin&) const = default;

    // What is followed. Throws Error{unsupported} for a policy that osb-oci cannot keep (ostree-image-signed:
    // requires signatures to be verified), rather than to follow the image without it, for a system that its
    // unconfigured-state says is not to be upgraded yet, and for packages that rpm-ostree has added;
    // Error{invalid} for values that are malformed.
    OriginTarget target() const;
    // What is named there, as it is written, whatever the policy; "" for nothing, and for what is malformed.
    std::string named() const;

    // Whether the deployment was made to be tried and has not passed its checks since: it is nothing to go
    // back to, whatever became of the trial. False for what others deployed.
    bool is_untried() const;
    Origin with_untried(bool untried) const;
    // With the groups of `previous` that osb-oci and libostree know nothing of.
    Origin with_groups_of(const Origin& previous) const;
    // With what `previous` has that belongs to the deployment itself: that it is pinned, unlocked or untried.
    // For a deployment that stays, and follows something else.
    Origin with_state_of(const Origin& previous) const;
    // Without what belongs to one deployment alone, as that it is pinned or untried.
    Origin without_state() const;

  private:
    explicit Origin(std::string text) : text_(std::move(text)) {}

    std::string text_;
};

// A reference as of_image() reads it, made of one that may also be of a transport that osb-oci has beside
// registries (oci:DIR:TAG).
std::string with_grammar(std::string_view reference);

// The image that a reference names, in the forms that of_image() reads, as TRANSPORT:NAME
// ("docker://quay.io/x/y:1"): by it ostree-ext keeps its ref. Throws Error{usage}.
std::string origin_image(std::string_view reference);

// The ref that names the commit of such an image in a sysroot's repository, where ostree-ext has it too.
inline constexpr std::string_view kImageRefPrefix = "ostree/container/image";
ostree::RefName image_ref(std::string_view reference);

}  // namespace osb::image
