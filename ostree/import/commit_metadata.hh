// The metadata of a commit about the image from which it was imported.
#pragma once

#include <optional>
#include <string>

#include "oci/transports/image.hh"
#include "ostree/import/image_metadata.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/glib.hh"
#include "ostree/objects/ref_name.hh"

namespace osb::ostree {

// The facts of an import that become metadata.
struct CommitFacts {
    std::string layout;            // "bootable" or "plain"
    std::string kernel;            // "" for none
    std::optional<CommitId> base;  // the commit on which the image is built
    std::string collection;        // collection ID of the repository; "" for none
    RefName ref;                   // the ref of the new commit
};

// The commit's metadata, a{sv} with sorted keys. ostree.manifest, ostree.manifest-digest and
// ostree.container.image-config are as in a merge commit of ostree-ext. version, ostree.linux and
// ostree.bootable are set if they are known. osb.import.format and osb.import.layout tell whether a new
// import would give the same tree. osb.import.base is set for an image that is built on a commit. In a
// collection, ostree.collection-binding and ostree.ref-binding are set, because its clients reject a commit
// without them.
GVariantPtr commit_metadata(const oci::Image& image, const CommitFacts& facts);

// True if a commit with this metadata equals the result of an import of `image` in `layout`.
bool is_import_of(GVariant* metadata, const oci::Image& image, const std::string& layout);

}  // namespace osb::ostree
