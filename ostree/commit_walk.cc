#include "ostree/commit_walk.hh"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "ostree/commit.hh"
#include "ostree/glib.hh"
#include "ostree/object_reader.hh"
#include "ostree/tree.hh"

namespace osb::ostree {
namespace {

class Walker {
  public:
    explicit Walker(const Repository& repository) : repository_(repository) {}

    // A few small dirtrees that name each other more than once make a tree without an end: it is measured
    // before it is walked, each dirtree once.
    std::size_t measure(const Sha256& tree, std::size_t depth) {
        check_interrupt();
        if (const auto found = entries_.find(tree); found != entries_.end()) return found->second;
        if (depth > kMaxDepth) throw Error(ErrorKind::invalid, "directories too deep");
        const GVariantPtr variant = load(ObjectType::dirtree, tree);
        const GVariantPtr files = take(g_variant_get_child_value(variant.get(), 0));
        const GVariantPtr directories = take(g_variant_get_child_value(variant.get(), 1));
        std::size_t out = 1 + g_variant_n_children(files.get());
        for (gsize i = 0; i < g_variant_n_children(directories.get()); ++i) {
            const GVariantPtr entry = take(g_variant_get_child_value(directories.get(), i));
            const GVariantPtr subtree = take(g_variant_get_child_value(entry.get(), 1));
            out += measure(checksum_of(subtree.get()), depth + 1);
            if (out > kMaxWalkEntries) {
                throw Error(ErrorKind::too_large,
                            concat("a tree of more than ", kMaxWalkEntries, " entries"));
            }
        }
        entries_[tree] = out;
        return out;
    }

    void directory(const std::string& path, const Sha256& tree, const Sha256& meta, std::size_t depth) {
        check_interrupt();
        if (depth > kMaxDepth)
            throw Error(ErrorKind::invalid, concat(quoted(path), ": directories too deep"));
        count(path);
        add_directory(path, tree, meta);
        const GVariantPtr variant = load(ObjectType::dirtree, tree);
        const GVariantPtr files = take(g_variant_get_child_value(variant.get(), 0));
        for (gsize i = 0; i < g_variant_n_children(files.get()); ++i) {
            const GVariantPtr entry = take(g_variant_get_child_value(files.get(), i));
            const GVariantPtr checksum = take(g_variant_get_child_value(entry.get(), 1));
            std::string name = join(path, name_of(entry.get()));
            count(name);
            files_[checksum_of(checksum.get())].push_back(std::move(name));
        }
        const GVariantPtr directories = take(g_variant_get_child_value(variant.get(), 1));
        for (gsize i = 0; i < g_variant_n_children(directories.get()); ++i) {
            const GVariantPtr entry = take(g_variant_get_child_value(directories.get(), i));
            const GVariantPtr subtree = take(g_variant_get_child_value(entry.get(), 1));
            const GVariantPtr submeta = take(g_variant_get_child_value(entry.get(), 2));
            directory(join(path, name_of(entry.get())), checksum_of(subtree.get()),
                      checksum_of(submeta.get()), depth + 1);
        }
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
        // The dirtrees of somebody else may have any order.
        std::sort(out.directories.begin(), out.directories.end(),
                  [](const WalkedDirectory& a, const WalkedDirectory& b) {
                      return before_in_tree(a.path, b.path);
                  });
        return out;
    }

  private:
    void count(const std::string& path) {
        path_bytes_ += path.size();
        if (path_bytes_ <= kMaxWalkBytes) return;
        throw Error(ErrorKind::too_large,
                    concat("a tree whose paths have more than ", kMaxWalkBytes, " bytes"));
    }

    static std::string join(const std::string& directory, const std::string& name) {
        return directory.empty() ? name : concat(directory, '/', name);
    }

    // libostree checks names when it loads a dirtree for a checkout; whoever writes them to an archive must
    // do so, too.
    static std::string name_of(GVariant* entry) {
        const char* name = nullptr;
        g_variant_get_child(entry, 0, "&s", &name);
        std::string out(name);
        if (out.empty() || out == "." || out == ".." || out.find('/') != std::string::npos) {
            throw Error(ErrorKind::invalid, concat("a dirtree with the name ", quoted(out)));
        }
        return out;
    }

    // libostree does not hash metadata that it loads from a repository: a damaged dirtree would be another
    // tree.
    GVariantPtr load(ObjectType type, const Sha256& checksum) const {
        const bool is_tree = type == ObjectType::dirtree;
        const std::string bytes = read_metadata(repository_, type, checksum);
        return variant_from_bytes(is_tree ? OSTREE_TREE_GVARIANT_FORMAT : OSTREE_DIRMETA_GVARIANT_FORMAT,
                                  as_bytes(bytes), /*trusted=*/false);
    }

    void add_directory(const std::string& path, const Sha256& tree, const Sha256& meta) {
        WalkedDirectory out{.path = path, .tree = tree, .meta = meta};
        const GVariantPtr variant = load(ObjectType::dirmeta, meta);
        g_variant_get_child(variant.get(), 0, "u", &out.uid);
        g_variant_get_child(variant.get(), 1, "u", &out.gid);
        g_variant_get_child(variant.get(), 2, "u", &out.mode);
        out.uid = GUINT32_FROM_BE(out.uid);
        out.gid = GUINT32_FROM_BE(out.gid);
        out.mode = GUINT32_FROM_BE(out.mode) & 07777U;
        directories_.push_back(std::move(out));
    }

    const Repository& repository_;
    std::map<Sha256, std::size_t> entries_;  // of a dirtree and all below it
    std::size_t path_bytes_ = 0;
    std::vector<WalkedDirectory> directories_;
    std::map<Sha256, std::vector<std::string>> files_;
};

}  // namespace

CommitWalk walk_commit(const Repository& repository, const std::string& checksum) {
    if (!load_commit(repository, checksum)) {
        throw Error(ErrorKind::not_found,
                    concat("the repository holds the commit ", checksum, " only in part"));
    }
    const RootChecksums root = read_root(repository, checksum);
    CommitWalk walk = walk_tree(repository, root.tree, root.meta);
    walk.checksum = checksum;
    return walk;
}

CommitWalk walk_tree(const Repository& repository, const Sha256& tree, const Sha256& meta) {
    Walker walker(repository);
    walker.measure(tree, 1);
    walker.directory({}, tree, meta, 1);
    return walker.finish();
}

bool before_in_tree(const std::string& a, const std::string& b) noexcept {
    // What ends a name comes before all that may be part of one.
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

RootChecksums root_of(ByteView bytes) {
    const GVariantPtr commit = variant_from_bytes(OSTREE_COMMIT_GVARIANT_FORMAT, bytes, false);
    if (g_variant_is_normal_form(commit.get()) == FALSE)
        throw Error(ErrorKind::invalid, "a malformed commit object");
    const GVariantPtr tree = take(g_variant_get_child_value(commit.get(), 6));
    const GVariantPtr meta = take(g_variant_get_child_value(commit.get(), 7));
    return {checksum_of(tree.get()), checksum_of(meta.get())};
}

RootChecksums read_root(const Repository& repository, const std::string& checksum) {
    return root_of(as_bytes(read_metadata(repository, ObjectType::commit, parse_sha256(checksum))));
}

}  // namespace osb::ostree
