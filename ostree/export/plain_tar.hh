// Writes the tree of a commit as layers of an ordinary image: a root filesystem for any container runtime
// (docs/export.md, "Plain images").
#pragma once

#include <set>
#include <string>

#include "oci/tar/tar_writer.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {

// Converts a walk to that of an ordinary root filesystem. Paths are those in the image, and both lists are
// sorted by them:
//
// - usr/etc becomes etc, unless the commit has its own /etc;
// - usr/share/factory/var, where import keeps the image's files for /var, becomes var, unless the commit has
//   content in its own /var;
// - every path becomes a separate file, because ostree does not record which paths of an object were hard
//   links.
//
// An import of the result gives the same tree. Names that would be whiteouts are omitted with a warning.
CommitWalk plain_walk(const CommitWalk& walk);

// Writes one layer. The layer has every parent directory of its files, once, before the files. Each directory
// has its own mode, owner and attributes, so that the layer is the same whatever its position in the image.
// Both constructor arguments are borrowed; `walk` is the result of plain_walk().
class PlainTar {
  public:
    PlainTar(const Repository& repository, const CommitWalk& walk) : repository_(repository), walk_(walk) {}

    // Writes all directories of the tree, which are the first layer.
    void write_directories(oci::TarWriter& tar);

    // Writes the file at file.paths.front(). Throws Error{invalid} if the walk does not have its directory.
    void write_file(oci::TarWriter& tar, const WalkedFile& file);

  private:
    void write_parents(oci::TarWriter& tar, const std::string& path);
    void write_directory(oci::TarWriter& tar, const WalkedDirectory& directory);
    const WalkedDirectory& directory_at(const std::string& path) const;

    const Repository& repository_;
    const CommitWalk& walk_;
    std::set<std::string> written_;  // paths of directories
    std::string last_parent_;        // the parent of a file, with its slash
};

}  // namespace osb::ostree
