// The result commit of an import, and the search for it in the repository.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "oci/transports/image.hh"
#include "ostree/import/import_plan.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// The result commit and its relations.
struct ImportedCommit {
    CommitId id;
    std::optional<CommitId> parent;
    std::optional<CommitId> base;    // the commit on which the image is built
    std::string kernel;              // release; "" for none
    bool unchanged = false;          // it was the commit of the ref before
    bool found = false;              // it is in the repository, so no layer is needed
    std::vector<std::string> notes;  // about its creation, one line each, escaped
    std::size_t signatures_added = 0;
};

// Returns `commit` if its metadata say that an earlier import made it from this image, and it has the layout,
// the parent and the ref bindings of the plan; otherwise nullopt. The metadata may lie. Throws
// Error{not_found} if the repository does not have it.
std::optional<ImportedCommit> find_earlier_import(const Repository& repository, const oci::Image& image,
                                                  const ImportPlan& plan, const CommitId& commit);

// Returns the commit of the plan's ref if it is the commit inside the image, and no other commit is required.
// Does not trust the image's label: the commit inside counts only if all layers of the image were read before
// and hold it. Reads no layer. Throws as known_layers().
std::optional<ImportedCommit> find_present_commit(const Repository& repository, const oci::Image& image,
                                                  const ImportPlan& plan);

}  // namespace osb::ostree
