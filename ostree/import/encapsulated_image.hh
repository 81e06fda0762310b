// The labels that mark an image with an ostree commit, as bootc and rpm-ostree write and read them
// (docs/formats/encapsulated-image.md).
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "oci/transports/image.hh"
#include "ostree/objects/commit_id.hh"

namespace osb::ostree {

// A label of the image's config, otherwise the manifest's annotation with that name; "" for none.
std::string image_label(const oci::Image& image, const std::string& key);

// True if the image declares that it contains an ostree commit (label ostree.final-diffid).
bool is_encapsulated(const oci::Image& image);

// The number of layers that belong to the image's commit: those up to the layer whose diffID is in the label.
// Returns 0 for an image without a commit. Throws Error{invalid} if the label does not name exactly one
// layer.
std::size_t encapsulated_layers(const oci::Image& image);

// The commit that the image declares (label ostree.commit), "" for none. The caller must verify it.
std::string promised_commit(const oci::Image& image);

// The same for an image whose labels declare that it contains that commit and nothing else; otherwise
// nullopt. It is not verified either. It is sufficient for "nothing new": anyone who can publish such an
// image could also keep the old one.
std::optional<CommitId> promised_whole_commit(const oci::Image& image);

// Throws Error{digest_mismatch} if the image's label names another commit than `commit`, which it contains.
void check_promised_commit(const oci::Image& image, const CommitId& commit);

// Throws Error{untrusted} if `required`, a commit whose signatures were verified, is another commit than
// `held`.
void check_required_commit(const std::optional<CommitId>& required, const CommitId& held);

}  // namespace osb::ostree
