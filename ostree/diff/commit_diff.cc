#include "ostree/diff/commit_diff.hh"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "ostree/diff/object_comparison.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/tree/commit_walk.hh"
#include "ostree/tree/directory_meta.hh"
#include "ostree/tree/metadata_objects.hh"
#include "ostree/tree/tree.hh"

namespace osb::ostree {
namespace {

// An entry of a directory: a subdirectory with a dirtree and a dirmeta, or a content object.
struct DiffChild {
    std::string name;
    bool is_directory = false;
    Sha256 object{};
    Sha256 meta{};  // of a directory
};

std::vector<DiffChild> read_children(const Repository& repository, const Sha256& tree) {
    const std::string bytes = read_metadata(repository, ObjectType::dirtree, tree);
    DirtreeObject object =
        with_context([&] { return to_hex(tree); }, [&] { return parse_dirtree(as_bytes(bytes)); });
    std::vector<DiffChild> out;
    out.reserve(object.files.size() + object.directories.size());
    for (DirtreeObject::File& file : object.files)
        out.push_back({.name = std::move(file.name), .object = file.checksum});
    for (DirtreeObject::Directory& directory : object.directories) {
        out.push_back({.name = std::move(directory.name),
                       .is_directory = true,
                       .object = directory.tree,
                       .meta = directory.meta});
    }
    std::sort(out.begin(), out.end(), [](const DiffChild& a, const DiffChild& b) { return a.name < b.name; });
    return out;
}

using ChildList = std::shared_ptr<const std::vector<DiffChild>>;
using Side = std::optional<Sha256>;  // an object; nothing if this side has none

// Reads the dirtrees of one side. A few small dirtrees may name each other any number of times, so it keeps
// some of them.
class ChildReader {
  public:
    explicit ChildReader(const Repository& repository) : repository_(repository) {}

    // `path` is that of the directory, for errors: "" for the root. No dirtree means no children.
    ChildList read(const std::string& path, const Side& tree) {
        if (!tree) return none_;
        if (const auto found = kept_.find(*tree); found != kept_.end()) return found->second;
        auto out = std::make_shared<const std::vector<DiffChild>>(
            with_context([&] { return quoted(path.empty() ? "/" : path); },
                         [&] { return read_children(repository_, *tree); }));
        constexpr std::size_t kMostKept = 20'000;  // children
        kept_children_ += out->size() + 1;
        if (kept_children_ > kMostKept) {
            kept_.clear();
            kept_children_ = out->size() + 1;
        }
        kept_.emplace(*tree, out);
        return out;
    }

  private:
    const Repository& repository_;
    ChildList none_ = std::make_shared<const std::vector<DiffChild>>();
    std::map<Sha256, ChildList> kept_;
    std::size_t kept_children_ = 0;
};

class CommitComparison {
  public:
    CommitComparison(const Repository& a, const Repository& b, std::size_t max_entries)
        : a_(a), b_(b), children_a_(a), children_b_(b), max_entries_(max_entries) {}

    void compare_roots(const RootChecksums& a, const RootChecksums& b) {
        if (a.meta != b.meta) compare_metadata("/", a.meta, b.meta);
        if (a.tree != b.tree) compare_trees("", a.tree, b.tree, 1);
    }

    CommitDiff finish(unsigned threads) {
        compare_objects(a_, b_, pairs_, threads, out_);
        return std::move(out_);
    }

  private:
    // `path` is that of the directory: "" for the root.
    void compare_trees(const std::string& path, const Side& a, const Side& b, std::size_t depth) {
        check_interrupt();
        check_tree_place(path, depth);
        const ChildList before = children_a_.read(path, a);
        const ChildList after = children_b_.read(path, b);
        auto old = before->begin();
        auto fresh = after->begin();
        while (old != before->end() || fresh != after->end()) {
            if (fresh == after->end() || (old != before->end() && old->name < fresh->name)) {
                compare_children(path, &*old++, nullptr, depth);
            } else if (old == before->end() || fresh->name < old->name) {
                compare_children(path, nullptr, &*fresh++, depth);
            } else {
                compare_children(path, &*old++, &*fresh++, depth);
            }
        }
    }

    // Compares two entries of the same name, of which one may be missing.
    void compare_children(const std::string& directory, const DiffChild* a, const DiffChild* b,
                          std::size_t depth) {
        const bool is_same = a != nullptr && b != nullptr && a->is_directory == b->is_directory &&
                             a->object == b->object && a->meta == b->meta;
        if (is_same) return;
        const std::string path = concat(directory, '/', a != nullptr ? a->name : b->name);
        check_tree_place(path, depth);
        const bool has_both = a != nullptr && b != nullptr;
        if (has_both && a->is_directory && b->is_directory) {
            if (a->meta != b->meta) compare_metadata(path, a->meta, b->meta);
            if (a->object != b->object) compare_trees(path, a->object, b->object, depth + 1);
            return;
        }
        const DiffChild& any = a != nullptr ? *a : *b;
        DiffEntry& entry = add_entry(path, has_both       ? EntryChange::changed
                                           : a != nullptr ? EntryChange::removed
                                                          : EntryChange::added);
        entry.is_directory = !has_both && any.is_directory;
        entry.what.type = has_both && a->is_directory != b->is_directory;
        const bool has_file = (a != nullptr && !a->is_directory) || (b != nullptr && !b->is_directory);
        if (has_file) pairs_.push_back({.entry = out_.entries.size() - 1, .a = file_of(a), .b = file_of(b)});
        if (tree_of(a) || tree_of(b)) compare_trees(path, tree_of(a), tree_of(b), depth + 1);
    }

    static Side file_of(const DiffChild* child) {
        return child != nullptr && !child->is_directory ? Side(child->object) : std::nullopt;
    }
    static Side tree_of(const DiffChild* child) {
        return child != nullptr && child->is_directory ? Side(child->object) : std::nullopt;
    }

    void compare_metadata(const std::string& path, const Sha256& a, const Sha256& b) {
        const auto context = [&] { return quoted(path); };
        const DirectoryMeta before = with_context(context, [&] { return read_directory_meta(a_, a); });
        const DirectoryMeta after = with_context(context, [&] { return read_directory_meta(b_, b); });
        DiffEntry& entry = add_entry(path, EntryChange::changed);
        entry.is_directory = true;
        entry.what.mode = before.mode != after.mode;
        entry.what.owner = before.uid != after.uid || before.gid != after.gid;
        entry.what.xattrs = before.xattrs != after.xattrs;
    }

    DiffEntry& add_entry(const std::string& path, EntryChange change) {
        path_bytes_ += path.size();
        if (out_.entries.size() >= max_entries_ || path_bytes_ > kMaxDiffBytes) {
            throw Error(ErrorKind::too_large,
                        concat("more than ", max_entries_, " paths differ, or paths of more than ",
                               kMaxDiffBytes, " bytes"));
        }
        return out_.entries.emplace_back(DiffEntry{.path = path, .change = change});
    }

    const Repository& a_;
    const Repository& b_;
    ChildReader children_a_;
    ChildReader children_b_;
    std::size_t max_entries_;
    std::size_t path_bytes_ = 0;
    std::vector<ObjectPair> pairs_;
    CommitDiff out_;
};

}  // namespace

CommitDiff diff_commits(const DiffSide& a, const DiffSide& b, unsigned threads, std::size_t max_entries) {
    const RootChecksums before = read_complete_root(a.repository, a.commit);
    const RootChecksums after = read_complete_root(b.repository, b.commit);
    CommitComparison comparison(a.repository, b.repository, max_entries);
    comparison.compare_roots(before, after);
    return comparison.finish(threads);
}

}  // namespace osb::ostree
