// The commit that an import ends with, and how to find it when the repository has it already.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "oci/transports/image.hh"
#include "ostree/import/import_plan.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

struct ImportedCommit {
    CommitId id;
    std::optional<CommitId> parent;
    std::optional<CommitId> base;    // the commit that the image is built on
    std::string kernel;              // release; "" for none
    bool unchanged = false;          // the ref named it before
    bool found = false;              // in the repository, so that no layer was needed
    std::vector<std::string> notes;  // on how it came about, a line each, escaped
};

// `commit`, when it is what an earlier import made of this image as the plan asks for it:
// layout, parent and the bindings for the plan's ref. Throws Error{not_found} when the repository lacks it.
std::optional<ImportedCommit> find_earlier_import(const Repository& repository, const oci::Image& image,
                                                  const ImportPlan& plan, const CommitId& commit);

// The commit that the plan's ref names, when it is the result already: an earlier import of the image, or
// the commit inside the image. The image's label is not believed: that commit counts when all of the image's
// layers were read before and hold it. Reads no layer. Throws as known_layers().
std::optional<ImportedCommit> find_present_commit(const Repository& repository, const oci::Image& image,
                                                  const ImportPlan& plan);

}  // namespace osb::ostree
