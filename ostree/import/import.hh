// Import of an image as an ostree commit.
//
// Each layer is decoded once, as a stream. Objects are written to the repository while the layer is read.
// Trees are overlaid in memory by the rules of the image specification (layer.md), and only the result is
// written as dirtrees and one commit. Nothing is unpacked to a path. See docs/import.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hh"
#include "oci/transports/image.hh"
#include "ostree/import/fetch_plan.hh"
#include "ostree/import/image_deltas.hh"
#include "ostree/import/object_fetch.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/commit_signers.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// The layout of the commit's tree.
enum class Layout {
    bootable,   // the layout that ostree deploys: docs/import.md, "The bootable layout"
    plain,      // the tree as in the image
    extension,  // only /usr: ostree/layout/extension_layout.hh
};

// The choice of the new commit's parent.
enum class Parent {
    automatic,  // the commit on which the image is built; otherwise the current commit of the ref, if any
    none,
    commit,  // ImportOptions::parent_commit
};

// The options of an import.
struct ImportOptions {
    std::optional<RefName> ref;  // nullopt: os/<machine>/<name>, with `name`
    std::string name;
    Layout layout = Layout::bootable;
    Parent parent = Parent::automatic;
    std::string parent_commit;  // a checksum or a ref
    std::string subject;
    unsigned jobs = 0;  // number of threads; 0: one per core
    // How the image is fetched (object_fetch.hh).
    FetchWay fetch = FetchWay::automatic;
    // The image's tables of contents, if the caller has read some of them; borrowed. nullptr: none.
    ImageTables* tables = nullptr;
    // The same for the deltas that are offered for it.
    ImageDeltas* deltas = nullptr;
    bool uses_deltas = true;  // false: the caller has tried them
    // The result must be this commit, whose signatures were verified (held_commit.hh). nullopt: any.
    std::optional<CommitId> required_commit;
    // The keys that sign the commit of the result, in the same transaction that sets the ref.
    CommitSigners signers;
};

// The report of an import, besides its commit and ref.
struct ImportFacts {
    std::optional<CommitId> parent;
    std::optional<CommitId> base;  // the commit inside the image, which is stored as well
    bool unchanged = false;        // the ref's commit was this image already; only signatures were added
    std::size_t signatures_added = 0;
    std::string manifest_digest;
    std::string version;  // "" if the image does not have one
    std::string kernel;   // release of the kernel; "" for none
    std::size_t layers = 0;
    std::size_t layers_reused =
        0;  // not read whole: known from an earlier import, or fetched by objects or files
    std::uint64_t bytes_read = 0;  // of layer blobs, objects and files in them, and tables of contents
    Transfer transfer;
    std::uint64_t objects_written = 0;
    std::uint64_t bytes_written = 0;  // the stored size
    std::vector<std::string> notes;   // moved and dropped files, one line each, escaped
    // Paths of devices and FIFOs of the image, which ostree cannot store; the first 1,000. Empty if the
    // layers were not merged because the commit was there already.
    std::vector<std::string> dropped;
};

// The result of an import.
struct ImportResult : ImportFacts {
    CommitId commit;
    RefName ref;
};

// Imports `image` into `repository`. If the image is built on an encapsulated commit, applies the other
// layers to that commit's tree. If the image is only such a commit, the result is the identical commit,
// unless the options require another one. Atomic and durable: if this throws, no ref has moved, and the
// partial result is removed now or by the next import. Throws Error: invalid, digest_mismatch, unsupported
// and too_large, with the layer and the entry as context; no_space; untrusted if the result would not be the
// required commit; as check_signers() and sign_commit(). Throws Interrupted. Reports warnings
// through log_warning() immediately.
ImportResult import_image(Repository& repository, const oci::Image& image, const ImportOptions& options,
                          Progress& progress);

// The same, but only if a delta gives the result. Returns nullopt if the ref's commit is the result already,
// or if no delta is taken or of use. Then call import_image() with ImportOptions::uses_deltas false.
std::optional<ImportResult> import_image_by_delta(Repository& repository, const oci::Image& image,
                                                  const ImportOptions& options, Progress& progress);

}  // namespace osb::ostree
