#include "image/deployment/repository_layout.hh"

#include <sys/stat.h>

#include <atomic>
#include <utility>

#include "base/error.hh"
#include "base/task_pool.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/object_reader.hh"

namespace osb::image {
namespace {

using ostree::ObjectType;

// Objects have no time, so that programs that compare file times see no change.
constexpr std::int64_t kObjectTime = 0;

}  // namespace

// The metadata of an inode, from a content object.
struct RepositoryLayout::Found {
    Attributes attributes;
    bool is_symlink = false;
    std::string target;
    std::uint64_t size = 0;
};

RepositoryLayout::RepositoryLayout(FileTree& tree, InodeId parent, const ostree::Repository& source,
                                   std::int64_t time, unsigned jobs)
    : tree_(tree), source_(source), time_(time), jobs_(jobs) {
    const Attributes plain{.mode = 0755, .mtime = time};
    repository_ = tree.add_directory(parent, "repo", plain);
    for (const char* path :
         {"extensions", "refs/heads", "refs/mirrors", "refs/remotes", "state", "tmp/cache"})
        tree.make_directories(path, plain, repository_);
    objects_ = tree.add_directory(repository_, "objects", plain);
}

InodeId RepositoryLayout::directory_of(const std::string& path) {
    return tree_.make_directories(path.substr(0, 2), {.mode = 0755, .mtime = time_}, objects_);
}

void RepositoryLayout::add_content(const Sha256& checksum, Found found) {
    const std::string path = ostree::loose_path(checksum, ObjectType::file, false);
    const InodeId directory = directory_of(path);
    const std::string_view name = std::string_view(path).substr(3);
    files_[checksum] =
        found.is_symlink
            ? tree_.add_symlink(directory, name, std::move(found.attributes), std::move(found.target))
            : tree_.add_file(directory, name, std::move(found.attributes),
                             Content::of_object(ObjectType::file, checksum, found.size));
}

void RepositoryLayout::add_metadata(ObjectType type, const Sha256& checksum, std::uint64_t size) {
    const std::string path = ostree::loose_path(checksum, type, false);
    if (!metadata_.insert(path).second) return;
    tree_.add_file(directory_of(path), std::string_view(path).substr(3), {.mode = 0644, .mtime = kObjectTime},
                   Content::of_object(type, checksum, size));
}

void RepositoryLayout::add_commit(const ostree::CommitWalk& walk) {
    std::vector<Sha256> wanted;
    for (const ostree::WalkedFile& file : walk.files) {
        if (!files_.contains(file.checksum)) wanted.push_back(file.checksum);
    }
    // Opening tens of thousands of objects is slow, so threads do it. The results stay in the order of the
    // walk.
    std::vector<Found> found(wanted.size());
    std::atomic<std::size_t> next{0};
    TaskPool pool(jobs_);
    for (unsigned t = 0; t < pool.threads(); ++t) {
        pool.add_producer([&] {
            for (std::size_t i = next++; i < wanted.size(); i = next++) {
                ostree::ContentObject object = ostree::open_object(source_, wanted[i]);
                found[i] = {.attributes = {.mode = object.mode & 07777U,
                                           .uid = object.uid,
                                           .gid = object.gid,
                                           .mtime = kObjectTime,
                                           .xattrs = std::move(object.xattrs)},
                            .is_symlink = S_ISLNK(object.mode),
                            .target = std::move(object.target),
                            .size = object.size};
            }
        });
    }
    pool.run();
    for (std::size_t i = 0; i < wanted.size(); ++i) add_content(wanted[i], std::move(found[i]));
    for (const ostree::WalkedDirectory& directory : walk.directories) {
        add_metadata(ObjectType::dirtree, directory.tree,
                     ostree::read_metadata(source_, ObjectType::dirtree, directory.tree).size());
        directory_meta(directory.meta);
        add_metadata(ObjectType::dirmeta, directory.meta,
                     ostree::read_metadata(source_, ObjectType::dirmeta, directory.meta).size());
    }
    const ostree::CommitId& commit = walk.commit.value();
    add_metadata(ObjectType::commit, commit.checksum(), ostree::read_commit_object(source_, commit).size());
    const std::string detached = ostree::read_detached_metadata(source_, commit);
    if (detached.empty()) return;
    const std::string path = ostree::loose_path(commit.checksum(), ObjectType::commit, false) + "meta";
    if (!metadata_.insert(path).second) return;
    tree_.add_file(directory_of(path), std::string_view(path).substr(3), {.mode = 0644, .mtime = kObjectTime},
                   Content::of(detached));
}

void RepositoryLayout::add_ref(const std::string& name, const ostree::CommitId& commit) {
    const Attributes plain{.mode = 0755, .mtime = time_};
    const std::size_t slash = name.rfind('/');
    const InodeId directory =
        tree_.make_directories(concat("refs/", std::string_view(name).substr(0, slash)), plain, repository_);
    tree_.add_file(directory, std::string_view(name).substr(slash + 1), {.mode = 0644, .mtime = time_},
                   Content::of(concat(commit, '\n')));
}

void RepositoryLayout::add_config(const std::string& text) {
    add_file("config", text);
}

void RepositoryLayout::add_file(const std::string& name, const std::string& text) {
    tree_.add_file(repository_, name, {.mode = 0644, .mtime = time_}, Content::of(text));
}

InodeId RepositoryLayout::file(const Sha256& checksum) const {
    return files_.at(checksum);
}

const ostree::DirectoryMeta& RepositoryLayout::directory_meta(const Sha256& checksum) {
    const auto known = directory_metas_.find(checksum);
    if (known != directory_metas_.end()) return known->second;
    return directory_metas_.emplace(checksum, ostree::read_directory_meta(source_, checksum)).first->second;
}

}  // namespace osb::image
