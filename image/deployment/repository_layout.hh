// A repository in bare mode, as a tree to be written. Internal to this folder.
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
    // Makes the repository's directories in `parent` of `tree`. Both are borrowed. `time`: of what is new.
    RepositoryLayout(FileTree& tree, InodeId parent, const ostree::Repository& source, std::int64_t time,
                     unsigned jobs);

    // Adds the commit with everything below it.
    void add_commit(const ostree::CommitWalk& walk);
    // A name below refs/ for a commit.
    void add_ref(const std::string& name, const ostree::CommitId& commit);
    void add_config(const std::string& text);

    // The inode of a content object that was added.
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
