// The plan of an import: the checked options, and the state of repository and image, before any layer is
// read.
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

// The plan of one import.
struct ImportPlan {
    RefName ref;
    Layout layout = Layout::bootable;
    std::string subject;
    Parent parent_choice = Parent::automatic;
    std::optional<CommitId> parent;  // the requested parent; only for Parent::commit
    // The commit of the ref before the import.
    std::optional<CommitId> present;
    std::size_t base_layers = 0;  // number of the image's first layers that hold a commit; 0 for none
    bool is_only_base = false;    // the image consists of a commit only
    // The result may be the commit inside the image itself, because no option requires another one.
    bool may_be_base = false;
    std::optional<CommitId> required_commit;  // as in the options
    CommitSigners signers;                    // likewise
};

// Makes the plan. Reads no layer and changes nothing. Throws Error: usage for a subject that is not UTF-8 or
// an invalid ref; invalid for an image without layers or with contradictory labels; not_found if the
// repository does not have the parent; usage if a commit is required and the options ask for another one; as
// check_signers().
ImportPlan plan_import(const Repository& repository, const oci::Image& image, const ImportOptions& options);

// The parent of the commit that the import writes, or nullopt. In order of precedence: the requested parent,
// which may be none; `base`, the commit on which the image is built; `present`, the current commit of the
// ref; the commit of the ref before the import.
std::optional<CommitId> commit_parent(const ImportPlan& plan, const std::optional<CommitId>& base,
                                      const std::optional<CommitId>& present);

}  // namespace osb::ostree
