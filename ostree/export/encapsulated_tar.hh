// Writes the objects of a commit as tar entries, in the layout that bootc and rpm-ostree call "v1"
// (docs/formats/encapsulated-image.md). Such an image contains the identical commit.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "oci/tar/tar_writer.hh"
#include "ostree/export/previous_frames.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {

// Writes the parts of an encapsulated image into archives. Use one object per layer. The constructor
// arguments are borrowed.
class EncapsulatedTar {
  public:
    // previous: where frames of objects may be; borrowed, may be null.
    EncapsulatedTar(const Repository& repository, const CommitWalk& walk, PreviousReader* previous = nullptr)
        : repository_(repository), walk_(walk), previous_(previous) {}

    // Writes the start of the first layer: the commit, its detached metadata, all dirtree and dirmeta
    // objects, and the directories of the root filesystem as a container runtime sees them.
    void write_commit(oci::TarWriter& tar);

    // Writes the start of every other layer: the directories of a repository.
    void write_repository(oci::TarWriter& tar);

    // Writes an object, and its visible names in the tree as hard links. Writes the parent directories of
    // these names first if the layer does not have them yet, with the metadata of the commit: a runtime that
    // keeps each layer in its own directory would otherwise hide the metadata of lower layers. Throws
    // UnusableFrames.
    void write_file(oci::TarWriter& tar, const WalkedFile& file);

  private:
    oci::TarEntry write_object(oci::TarWriter& tar, const Sha256& checksum);
    // Writes the file once more, under a name that runtimes show.
    void write_copy(oci::TarWriter& tar, const Sha256& checksum, const std::string& path);
    void write_directory(oci::TarWriter& tar, const std::string& path, std::uint32_t mode,
                         std::uint32_t uid = 0, std::uint32_t gid = 0);
    void write_root(oci::TarWriter& tar);
    void write_parents(oci::TarWriter& tar, const std::string& path);

    const Repository& repository_;
    const CommitWalk& walk_;
    PreviousReader* previous_;
    std::set<std::string> written_;  // paths of directories in the image
    std::string last_parent_;        // the parent of a name in the commit, with its slash
};

// The path in an image of the commit's path `path`: usr/etc/x is etc/x in the image.
std::string image_path(const std::string& path);

// True if an image can show the commit's `path` among its files. It cannot if the name would be a whiteout
// (".wh.x"), or is in the image's own repository. Then only the commit has the file, not the container.
bool is_shown(std::string_view path) noexcept;

}  // namespace osb::ostree
