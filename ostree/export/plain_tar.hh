// A commit's tree as the layers of an ordinary image: a root filesystem that any container runtime runs
// (docs/export.md, "Plain images").
#pragma once

#include <set>
#include <string>

#include "oci/tar/tar_writer.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {

// The walk of the same commit as an ordinary root filesystem has it. Paths are those in the image, and both
// lists are sorted by them:
//
// - usr/etc is etc, unless the commit has an /etc of its own;
// - usr/share/factory/var, where import leaves what an image ships for /var, is var, unless the commit has
//   something in its own /var;
// - every path is a file of its own, since ostree does not know which of the paths of an object were hard
//   links.
//
// Such a tree is imported again as the same one. Names that would be whiteouts are left out, with a warning.
CommitWalk plain_walk(const CommitWalk& walk);

// Writes one layer. Every directory that a file of the layer needs comes before it, once, with its own mode,
// owner and attributes, so that a layer says the same of it wherever in the image it stands. Both arguments
// are borrowed; `walk` is what plain_walk() returned.
class PlainTar {
  public:
    PlainTar(const Repository& repository, const CommitWalk& walk) : repository_(repository), walk_(walk) {}

    // All directories of the tree: what the first layer consists of.
    void write_directories(oci::TarWriter& tar);

    // The file at file.paths.front(). Throws Error{invalid} for a path whose directory the walk lacks.
    void write_file(oci::TarWriter& tar, const WalkedFile& file);

  private:
    void write_parents(oci::TarWriter& tar, const std::string& path);
    void write_directory(oci::TarWriter& tar, const WalkedDirectory& directory);
    const WalkedDirectory& directory_at(const std::string& path) const;

    const Repository& repository_;
    const CommitWalk& walk_;
    std::set<std::string> written_;  // paths of directories
    std::string last_parent_;        // of a file, with its slash
};

}  // namespace osb::ostree
