// Builds a repository in bare mode as a tree. Internal to this folder.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "image/ext4/file_tree.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"
#include "ostree/tree/directory_meta.hh"

namespace osb::image {

class RepositoryLayout {
  public:
    // Creates the directories of the repository in the directory `parent` of `tree`. Borrows `tree` and
    // `source`, which must outlive this object. `time` is the time of new inodes, in seconds since 1970.
    RepositoryLayout(FileTree& tree, InodeId parent, const ostree::Repository& source, std::int64_t time,
                     unsigned jobs);

    // Adds the commit and all objects that it reaches.
    void add_commit(const ostree::CommitWalk& walk);
    // Adds a ref for a commit. `name` is the path below refs/.
    void add_ref(const std::string& name, const ostree::CommitId& commit);
    void add_config(const std::string& text);
    // Adds a file at the top of the repository.
    void add_file(const std::string& name, const std::string& text);

    // Returns the inode of a content object that was added.
    InodeId file(const Sha256& checksum) const;
    const ostree::DirectoryMeta& directory_meta(const Sha256& checksum);

  private:
    struct Found;
    InodeId directory_of(const std::string& path);
    void add_content(const Sha256& checksum, Found found);
    void add_metadata(ostree::ObjectType type, const Sha256& checksum, std::uint64_t size);

    FileTree& tree_;
    const ostree::Repository& source_;
    std::int64_t time_;
    unsigned jobs_;
    InodeId repository_ = 0;
    InodeId objects_ = 0;
    std::map<Sha256, InodeId> files_;
    std::set<std::string> metadata_;  // paths of metadata objects
    std::map<Sha256, ostree::DirectoryMeta> directory_metas_;
};

}  // namespace osb::image
