// A commit's objects as tar entries: the layout that bootc and rpm-ostree call "v1"
// (docs/formats/encapsulated-image.md), in which an image holds the very commit.
#pragma once

#include <string>
#include <vector>

#include "oci/tar_writer.hh"
#include "ostree/commit_walk.hh"
#include "ostree/repository.hh"

namespace osb::ostree {

// Writes the parts of an encapsulated image into archives, one of these per layer. Both arguments are
// borrowed.
class EncapsulatedTar {
  public:
    EncapsulatedTar(const Repository& repository, const CommitWalk& walk)
        : repository_(repository), walk_(walk) {}

    // What the first layer begins with: the commit, its detached metadata, all dirtree and dirmeta objects,
    // and the directories as a container runtime sees them.
    void write_commit(oci::TarWriter& tar) const;

    // What every other layer begins with: the directories of a repository.
    void write_repository(oci::TarWriter& tar) const;

    // An object, and after it its names in the tree, as hard links.
    void write_file(oci::TarWriter& tar, const WalkedFile& file) const;

  private:
    const Repository& repository_;
    const CommitWalk& walk_;
};

// Where the commit's path `path` is found in an image: usr/etc/x is etc/x there.
std::string image_path(const std::string& path);

}  // namespace osb::ostree
