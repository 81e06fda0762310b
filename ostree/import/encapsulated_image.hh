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

// The same of an image that says it holds that commit and nothing beside it; nothing else. Enough to tell
// that there is nothing new: whoever can put up such an image could as well leave the old one in place.
std::optional<CommitId> promised_whole_commit(const oci::Image& image);

// Throws Error{digest_mismatch} when the image says that it holds another commit than `checksum`, which it
// does hold.
void check_promised_commit(const oci::Image& image, const CommitId& commit);

}  // namespace osb::ostree
