// Which layers of an image hold an ostree commit: the labels that bootc and rpm-ostree write and read
// (docs/formats/encapsulated-image.md).
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "oci/transports/image.hh"
#include "ostree/objects/commit_id.hh"

namespace osb::ostree {

// A label of the image's config, else the manifest's annotation of that name; "" for none.
std::string image_label(const oci::Image& image, const std::string& key);

// Whether the image says that it holds an ostree commit (label ostree.final-diffid).
bool is_encapsulated(const oci::Image& image);

// How many of the image's layers, from the first on, belong to its commit: up to the one whose diffID the
// label names. 0 for an image that holds none. Throws Error{invalid} when the label does not name exactly
// one.
std::size_t encapsulated_layers(const oci::Image& image);

// The commit that the image says it holds (label ostree.commit); "" when it does not. A claim, to be checked.
std::string promised_commit(const oci::Image& image);

// The same for an image whose labels say that it holds that commit and nothing beside it; else nothing. A
// claim, too. It is enough for "nothing new": who can publish such an image can as well keep the old one.
std::optional<CommitId> promised_whole_commit(const oci::Image& image);

// Throws Error{digest_mismatch} when the image's label names another commit than the one that it holds.
void check_promised_commit(const oci::Image& image, const CommitId& commit);

}  // namespace osb::ostree
