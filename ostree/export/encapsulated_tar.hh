// A commit's objects as tar entries: the layout that bootc and rpm-ostree call "v1"
// (docs/formats/encapsulated-image.md), in which an image holds the very commit.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "oci/tar/tar_writer.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {

// Writes the parts of an encapsulated image into archives, one of these per layer. Both arguments are
// borrowed.
class EncapsulatedTar {
  public:
    EncapsulatedTar(const Repository& repository, const CommitWalk& walk)
        : repository_(repository), walk_(walk) {}

    // What the first layer begins with: the commit, its detached metadata, all dirtree and dirmeta objects,
    // and the directories as a container runtime sees them.
    void write_commit(oci::TarWriter& tar);

    // What every other layer begins with: the directories of a repository.
    void write_repository(oci::TarWriter& tar);

    // An object, and after it those of its names in the tree that are shown, as hard links. Directories that
    // these are in and that the layer does not have yet come before them, as the commit has them: where a
    // runtime keeps each layer in a directory of its own, what an upper one does not say would hide what a
    // lower one did.
    void write_file(oci::TarWriter& tar, const WalkedFile& file);

  private:
    void write_directory(oci::TarWriter& tar, const std::string& path, std::uint32_t mode,
                         std::uint32_t uid = 0, std::uint32_t gid = 0);
    void write_root(oci::TarWriter& tar);
    void write_parents(oci::TarWriter& tar, const std::string& path);

    const Repository& repository_;
    const CommitWalk& walk_;
    std::set<std::string> written_;  // directories, as the image has them
    std::string last_parent_;        // of a name, as the commit has it, with its slash
};

// Where the commit's path `path` is found in an image: usr/etc/x is etc/x there.
std::string image_path(const std::string& path);

// Whether an image can have the commit's `path` among its files. It cannot where the name would be a whiteout
// (".wh.x"), or be, or be in, the image's own repository: then the commit has it, and a container does not.
bool is_shown(std::string_view path) noexcept;

}  // namespace osb::ostree
