#include "ostree/tree/commit_walk.hh"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/tree/commit.hh"
#include "ostree/tree/directory_meta.hh"
#include "ostree/tree/metadata_objects.hh"
#include "ostree/tree/tree.hh"

namespace osb::ostree {
namespace {

class Walker {
  public:
    explicit Walker(const Repository& repository) : repository_(repository) {}

    // Measures a tree before it is walked, and each dirtree once: a few small dirtrees that name each other
    // several times could form a huge tree.
    std::size_t measure(const Sha256& tree, std::size_t depth) {
        check_interrupt();
        if (const auto found = trees_.find(tree); found != trees_.end()) return found->second.entries;
        if (depth > kMaxDepth) throw Error(ErrorKind::invalid, "directories too deep");
        DirtreeObject object = load_tree(tree);
        const std::size_t children = object.files.size() + object.directories.size();
        std::size_t out = 1 + object.files.size();
        for (const DirtreeObject::Directory& directory : object.directories) {
            out += measure(directory.tree, depth + 1);
            if (out > kMaxWalkEntries) {
                throw Error(ErrorKind::too_large,
                            concat("a tree of more than ", kMaxWalkEntries, " entries"));
            }
        }
        MeasuredTree& measured = trees_[tree];
        measured.entries = out;
        if (children <= kMostKept - kept_children_) {
            kept_children_ += children;
            measured.object = std::move(object);
        }
        return out;
    }

    void directory(const std::string& path, const Sha256& tree, const Sha256& meta, std::size_t depth) {
        check_interrupt();
        count(path);
        check_tree_place(path, depth);
        add_directory(path, tree, meta);
        const MeasuredTree& measured = trees_.at(tree);
        const DirtreeObject loaded = measured.object ? DirtreeObject{} : load_tree(tree);
        const DirtreeObject& object = measured.object ? *measured.object : loaded;
        for (const DirtreeObject::File& file : object.files) {
            std::string name = join_path(path, file.name);
            count(name);
            check_tree_place(name, depth);
            files_[file.checksum].push_back(std::move(name));
        }
        for (const DirtreeObject::Directory& below : object.directories)
            directory(join_path(path, below.name), below.tree, below.meta, depth + 1);
    }

    CommitWalk finish() {
        CommitWalk out{{}, std::move(directories_), {}};
        out.files.reserve(files_.size());
        for (auto& [object, paths] : files_) {
            std::sort(paths.begin(), paths.end());
            out.files.push_back({object, std::move(paths)});
        }
        std::sort(out.files.begin(), out.files.end(),
                  [](const WalkedFile& a, const WalkedFile& b) { return a.paths.front() < b.paths.front(); });
        // Sort by paths. A walk in order of names does not do that: "a.b" precedes the content of "a".
        std::sort(out.directories.begin(), out.directories.end(),
                  [](const WalkedDirectory& a, const WalkedDirectory& b) {
                      return before_in_tree(a.path, b.path);
                  });
        return out;
    }

  private:
    // The dirtrees in memory have at most so many children. The others are loaded again.
    static constexpr std::size_t kMostKept = 100'000;

    struct MeasuredTree {
        std::size_t entries = 0;  // with everything below it
        std::optional<DirtreeObject> object;
    };

    void count(const std::string& path) {
        path_bytes_ += path.size();
        if (path_bytes_ <= kMaxWalkBytes) return;
        throw Error(ErrorKind::too_large,
                    concat("a tree whose paths have more than ", kMaxWalkBytes, " bytes"));
    }

    // libostree does not verify metadata that it loads from a repository, and a damaged dirtree would be
    // another tree.
    DirtreeObject load_tree(const Sha256& checksum) const {
        const std::string bytes = read_metadata(repository_, ObjectType::dirtree, checksum);
        return with_context([&] { return to_hex(checksum); }, [&] { return parse_dirtree(as_bytes(bytes)); });
    }

    void add_directory(const std::string& path, const Sha256& tree, const Sha256& meta) {
        WalkedDirectory out = attributes_of(meta);
        out.path = path;
        out.tree = tree;
        directories_.push_back(std::move(out));
    }

    // Without path and tree. Most directories share a few dirmetas.
    const WalkedDirectory& attributes_of(const Sha256& meta) {
        if (const auto found = metas_.find(meta); found != metas_.end()) return found->second;
        const DirectoryMeta object = read_directory_meta(repository_, meta);
        return metas_[meta] = {.path = {},
                               .tree = {},
                               .meta = meta,
                               .uid = object.uid,
                               .gid = object.gid,
                               .mode = object.mode};
    }

    const Repository& repository_;
    std::map<Sha256, MeasuredTree> trees_;
    std::size_t kept_children_ = 0;
    std::map<Sha256, WalkedDirectory> metas_;
    std::size_t path_bytes_ = 0;
    std::vector<WalkedDirectory> directories_;
    std::map<Sha256, std::vector<std::string>> files_;
};

}  // namespace

CommitWalk walk_commit(const Repository& repository, const CommitId& commit) {
    const RootChecksums root = read_complete_root(repository, commit);
    CommitWalk walk = walk_tree(repository, root.tree, root.meta);
    walk.commit = commit;
    return walk;
}

CommitWalk walk_tree(const Repository& repository, const Sha256& tree, const Sha256& meta) {
    Walker walker(repository);
    walker.measure(tree, 1);
    walker.directory({}, tree, meta, 1);
    return walker.finish();
}

bool before_in_tree(const std::string& a, const std::string& b) noexcept {
    // '/' ends a name, so it precedes all other characters.
    const auto rank = [](char c) {
        return c == '/' ? 0 : static_cast<int>(static_cast<unsigned char>(c)) + 1;
    };
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [&rank](char x, char y) { return rank(x) < rank(y); });
}

const WalkedDirectory* find_directory(const CommitWalk& walk, const std::string& path) {
    const auto found = std::lower_bound(walk.directories.begin(), walk.directories.end(), path,
                                        [](const WalkedDirectory& directory, const std::string& wanted) {
                                            return before_in_tree(directory.path, wanted);
                                        });
    return found == walk.directories.end() || found->path != path ? nullptr : &*found;
}

RootChecksums root_of(ByteView commit_object) {
    const CommitObject fields = parse_commit(commit_object);
    return {fields.tree, fields.meta};
}

RootChecksums read_root(const Repository& repository, const CommitId& commit) {
    return root_of(as_bytes(read_commit_object(repository, commit)));
}

RootChecksums read_complete_root(const Repository& repository, const CommitId& commit) {
    if (!load_commit(repository, commit)) {
        throw Error(ErrorKind::not_found,
                    concat("the repository holds the commit ", commit, " only in part"));
    }
    return read_root(repository, commit);
}

}  // namespace osb::ostree
