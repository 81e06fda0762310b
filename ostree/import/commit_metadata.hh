// What a commit says of the image that it was made from.
#pragma once

#include <optional>
#include <string>

#include "oci/transports/image.hh"
#include "ostree/import/image_metadata.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/glib.hh"
#include "ostree/objects/ref_name.hh"

namespace osb::ostree {

struct CommitFacts {
    std::string layout;            // "bootable" or "plain"
    std::string kernel;            // "" for none
    std::optional<CommitId> base;  // the commit that the image is built on
    std::string collection;        // collection id of the repository; "" for none
    RefName ref;                   // that will name the commit
};

// The commit's metadata, a{sv} with sorted keys: ostree.manifest, ostree.manifest-digest and
// ostree.container.image-config as ostree-ext writes them on a merge commit; version, ostree.linux and
// ostree.bootable where known; osb.import.format and osb.import.layout, which say whether importing again
// would give the same tree; osb.import.base for an image that is built on a commit; in a collection
// ostree.collection-binding and ostree.ref-binding, without which its clients refuse a commit.
GVariantPtr commit_metadata(const oci::Image& image, const CommitFacts& facts);

// Whether a commit with this metadata is what importing `image` in `layout` would give.
bool is_import_of(GVariant* metadata, const oci::Image& image, const std::string& layout);

}  // namespace osb::ostree
