// The plan of an import: the options checked, and what the repository and the image say to them before any
// layer is looked at.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "oci/transports/image.hh"
#include "ostree/import/import.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

struct ImportPlan {
    RefName ref;
    Layout layout = Layout::bootable;
    std::string subject;
    Parent parent_choice = Parent::automatic;
    std::optional<CommitId> parent;  // the one asked for; only for Parent::commit
    // The commit that the ref names before the import.
    std::optional<CommitId> present;
    std::size_t base_layers = 0;  // the first of the image's layers, which hold a commit; 0 for none
    bool is_only_base = false;    // the image is a commit and no more
    // The result may be the commit inside the image itself: nothing was asked for that it cannot be.
    bool may_be_base = false;
};

// Reads no layer and changes nothing. Throws Error: usage for a subject that is not UTF-8 or a ref that
// ostree does not take; invalid for an image without layers or with labels that contradict it; not_found for
// a parent that the repository lacks.
ImportPlan plan_import(const Repository& repository, const oci::Image& image, const ImportOptions& options);

// The parent of the commit that the import writes; nothing for a commit without one. In this order: the one
// that was asked for, also when that is none; `base`, the commit that the image is built on; `present`, the
// commit that the ref names now; the commit that the ref named before the import.
std::optional<CommitId> commit_parent(const ImportPlan& plan, const std::optional<CommitId>& base,
                                      const std::optional<CommitId>& present);

}  // namespace osb::ostree
