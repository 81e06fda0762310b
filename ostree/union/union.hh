// Joins package trees onto a base, as a commit: docs/union.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hh"
#include "oci/transports/image.hh"
#include "ostree/import/import.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"
#include "ostree/union/tree_union.hh"

namespace osb::ostree {

// A tree to join: an image, or a commit of the repository.
struct UnionInput {
    std::string name;  // as the user names it
    std::optional<oci::Image> image;
    std::optional<CommitId> commit;  // set if `image` is not
    // Of the image, if it states one: a tarball does not. That of a commit is in the repository.
    std::optional<oci::Platform> platform;
};

struct UnionOptions {
    std::optional<RefName> ref;  // nullopt: os/<machine>/<base_name>; the base must be an image
    std::string base_name;
    std::optional<Layout> layout;  // nullopt: bootable if the base is an image, else the layout of the base
    std::string subject;
    unsigned jobs = 0;  // number of threads; 0: one per core
};

// A joined tree.
struct UnionInputCommit {
    std::string name;
    CommitId commit;
};

struct UnionResult {
    CommitId commit;
    RefName ref;
    std::optional<CommitId> parent;       // the commit of the ref before
    bool unchanged = false;               // the ref's commit was this union already
    std::string kernel;                   // release; "" for none
    std::vector<UnionInputCommit> trees;  // the base first
    UnionReport report;
    std::uint64_t objects_written = 0;
    std::uint64_t bytes_written = 0;
    std::vector<std::string> notes;  // what the layout moved or dropped, one line each, escaped
};

// Joins inputs[1...] onto inputs[0] in their order, and sets the ref to the commit. Images are imported
// first, under temporary refs (osb/union/DIGEST), which are removed at the end. The same inputs give the same
// tree. Atomic and durable: if this throws, the ref has not moved. Throws Error: usage without a ref if the
// base is a commit, and for a layout that the base cannot have; invalid for trees of different layouts or
// architectures, and damaged databases; and as import_image().
UnionResult join_onto_base(Repository& repository, const std::vector<UnionInput>& inputs,
                           const UnionOptions& options, Progress& progress);

}  // namespace osb::ostree
