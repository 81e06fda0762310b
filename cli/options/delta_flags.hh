// The options of a push that make deltas.
#pragma once

#include <string>
#include <vector>

#include "cli/options/arguments.hh"
#include "cli/options/verb.hh"
#include "ostree/export/export.hh"
#include "ostree/push/delta_push.hh"
#include "registry/distribution/registry_access.hh"

namespace osb::cli {

// The parsed options, which are also the targets of their rows.
struct DeltaFlags {
    std::vector<std::string> from;  // revisions and images
    unsigned last = 0;
    bool prune = false;

    void declare(Arguments& arguments);
    bool given() const noexcept { return !from.empty() || last > 0 || prune; }

    // The commits that `from` names, which the repository must have. An image is not fetched: its label says
    // which commit it holds. It must be for the platform of the commit `rev`, which is pushed, if that has
    // one. `access` is that for `target`. Throws Error: not_found for an unknown revision, image or commit;
    // invalid for an image without a commit.
    std::vector<ostree::CommitId> commits(const ostree::Repository& repository, const std::string& rev,
                                          const oci::Reference& target,
                                          const registry::RegistryOptions& access) const;
};

// What became of the deltas of an image.
struct DeltaReport {
    std::vector<ostree::PushedDelta> deltas;
    std::size_t pruned = 0;
};

// Makes the deltas from `origins` and the last commits for an image that was pushed to `target`, and removes
// useless ones.
DeltaReport push_deltas(const Session& session, const DeltaFlags& flags,
                        std::vector<ostree::CommitId> origins, const ostree::Repository& repository,
                        const oci::Reference& target, const ostree::ExportResult& image,
                        const registry::RegistryOptions& access);

}  // namespace osb::cli
