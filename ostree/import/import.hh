// An image becomes an ostree commit.
//
// Every layer is decoded once, in a stream; objects are written to the repository as they pass; trees are
// overlaid in memory by the rules of the image specification (layer.md) and only the result is written as
// dirtrees and one commit. Nothing is unpacked to a path. See docs/import.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hh"
#include "oci/transports/image.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

enum class Layout {
    bootable,  // what ostree deploys: docs/import.md, "The bootable layout"
    plain,     // the tree as the image has it
};

enum class Parent {
    automatic,  // the commit that the image is built on; else the one that the ref names at present, if any
    none,
    commit,  // ImportOptions::parent_commit
};

struct ImportOptions {
    std::optional<RefName> ref;  // nothing: os/<machine>/<name>, with `name`
    std::string name;
    Layout layout = Layout::bootable;
    Parent parent = Parent::automatic;
    std::string parent_commit;  // a checksum or a ref
    std::string subject;
    unsigned jobs = 0;  // threads that work; 0: one a core
    // Most of the image's objects are probably here, though its layers were never read: of an image that
    // holds a commit the tables of contents are looked at, and only layers that have objects which are
    // missing are read.
    bool expect_objects = false;
};

// What is reported of an import besides its commit and ref.
struct ImportFacts {
    std::optional<CommitId> parent;
    std::optional<CommitId> base;  // the commit inside the image, which is stored, too
    bool unchanged = false;        // the ref's commit already was this image: nothing was added
    std::string manifest_digest;
    std::string version;  // "" when the image names none
    std::string kernel;   // release of the kernel; "" for none
    std::size_t layers = 0;
    std::size_t layers_reused = 0;  // known from an earlier import, or all there: not read
    std::uint64_t bytes_read = 0;   // of layer blobs
    std::uint64_t objects_written = 0;
    std::uint64_t bytes_written = 0;  // as stored
    std::vector<std::string> notes;   // what was moved or dropped, one line each, escaped
};

struct ImportResult : ImportFacts {
    CommitId commit;
    RefName ref;
};

// Imports `image` into `repository`. Of an image that is built on an encapsulated commit, the layers on top
// are put on that commit's tree; an image that is such a commit and no more gives that very commit, unless
// the options ask for another. Either the whole result is there, durable, and the ref names it, or an
// exception was thrown, no ref has moved, and what was written is removed now or by the next import. Throws
// Error: invalid, digest_mismatch, unsupported, too_large with the layer and the entry named; no_space;
// Interrupted. Warnings go to log_warning() as they are found.
ImportResult import_image(Repository& repository, const oci::Image& image, const ImportOptions& options,
                          Progress& progress);

}  // namespace osb::ostree
