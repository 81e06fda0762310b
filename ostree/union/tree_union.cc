#include "ostree/union/tree_union.hh"

#include <map>
#include <set>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "ostree/tree/apk_database.hh"

namespace osb::ostree {
namespace {

// A file in the records of a package.
struct OwnedFile {
    ApkPackage* package = nullptr;
    ApkFile* file = nullptr;
};
using FileOwners = std::map<std::string, OwnedFile, std::less<>>;

// A record without a name was taken out; it has no lines either.
void take_out(const OwnedFile& owned) {
    owned.file->name.clear();
    owned.file->lines.clear();
}

// The owners of all paths. `is_merged`: the tree has /lib as a link to usr/lib, so both names are one file.
FileOwners owners_in(ApkDatabase& database, bool is_merged) {
    FileOwners out;
    for (ApkPackage& package : database.packages) {
        for (ApkDirectory& directory : package.directories) {
            for (ApkFile& file : directory.files) {
                if (file.name.empty()) continue;
                const std::string path = join_path(directory.name, file.name);
                out.insert_or_assign(is_merged ? merged_path(path) : path,
                                     OwnedFile{.package = &package, .file = &file});
            }
        }
    }
    return out;
}

bool has_merged_usr(const Node& root) {
    const Node* const lib = root.child("lib");
    return lib != nullptr && lib->is_symlink();
}

Node copy_of_leaf(const Node& node) {
    return node.is_symlink() ? Node::symlink(node.checksum, node.target, node.uid, node.gid)
                             : Node::file(node.checksum);
}

void copy_attributes(Node& to, const Node& from) {
    to.mode = from.mode;
    to.uid = from.uid;
    to.gid = from.gid;
    to.xattrs = from.xattrs;
}

class Joiner {
  public:
    Joiner(PackageTree& tree, PackageTree& later, UnionReport& report, ImageBudget& budget)
        : tree_(tree),
          later_(later),
          report_(report),
          budget_(budget),
          merged_(has_merged_usr(tree.root)),
          owners_(owners_in(tree.database, merged_)),
          later_owners_(owners_in(later.database, merged_)) {}

    void run() {
        join_directory(tree_.root, later_.root, {});
        join_packages();
        ApkDatabase& database = tree_.database;
        if (later_.database.world)
            database.world = join_worlds(database.world.value_or(""), *later_.database.world);
        if (database.directory.empty()) database.directory = later_.database.directory;
    }

  private:
    void join_directory(Node& to, const Node& from, const std::string& path) {
        check_interrupt();
        copy_attributes(to, from);
        for (const auto& [name, node] : from.children()) {
            const std::string below = join_path(path, name);
            budget_.take_steps();
            if (later_.database.files.contains(below)) continue;
            if (!node.is_directory()) {
                join_leaf(to, name, node, below);
                continue;
            }
            Node& directory = directory_for(to, name, node, below);
            join_directory(directory, node, below);
        }
    }

    // The directory of the tree into which a directory of the later tree goes.
    Node& directory_for(Node& parent, const std::string& name, const Node& node, const std::string& path) {
        Node* const old = parent.child(name);
        if (old != nullptr && old->is_directory()) return *old;
        if (old != nullptr && old->is_symlink()) {
            try {
                return make_directories(tree_.root, path, budget_);
            } catch (const Error& error) {
                if (error.kind() != ErrorKind::invalid) throw;  // a link to a file, or a loop
            }
        }
        if (old != nullptr) add_conflict(path, {}, {});
        Node directory = Node::directory();
        copy_attributes(directory, node);
        budget_.keep(memory_of(name, directory));
        return parent.set_child(name, std::move(directory));
    }

    void join_leaf(Node& parent, const std::string& name, const Node& node, const std::string& path) {
        const Node* const old = parent.child(name);
        if (old == nullptr) {
            budget_.keep(memory_of(name, parent.set_child(name, copy_of_leaf(node))));
            return;
        }
        if (old->is_directory() && !old->children().empty()) {
            Error error(ErrorKind::invalid, concat(quoted(path), " of ", quoted(later_.name),
                                                   " would replace a directory that has content"));
            if (node.is_symlink())
                error.hint("the trees have different layouts; make them from the same base");
            throw error;
        }
        if (keeps_old(*old, node, path)) return;
        parent.set_child(name, copy_of_leaf(node));
    }

    // Settles to which package a path of both trees belongs, and reports a conflict.
    bool keeps_old(const Node& old, const Node& node, const std::string& path) {
        const std::string key = merged_ ? merged_path(path) : path;
        const auto old_owner = owners_.find(key);
        const auto fresh_owner = later_owners_.find(key);
        const bool has_old = old_owner != owners_.end();
        const bool has_fresh = fresh_owner != later_owners_.end();
        const bool is_same = old.kind == node.kind && old.checksum == node.checksum;
        if (has_old && has_fresh) {
            const ApkPackage& earlier = *old_owner->second.package;
            const ApkPackage& fresh = *fresh_owner->second.package;
            if (earlier.name == fresh.name) return false;
            const FileOwner owner = decide_owner(earlier, fresh);
            if (owner == FileOwner::old_one) {
                take_out(fresh_owner->second);
                later_owners_.erase(fresh_owner);
                return true;
            }
            if (owner == FileOwner::conflict && !is_same) add_conflict(path, fresh.name, earlier.name);
            take_out(old_owner->second);
            owners_.erase(old_owner);
            return false;
        }
        if (!is_same) {
            add_conflict(path, has_fresh ? fresh_owner->second.package->name : std::string(),
                         has_old ? old_owner->second.package->name : std::string());
        }
        return false;
    }

    void add_conflict(const std::string& path, std::string fresh, std::string earlier) {
        ++report_.conflict_count;
        if (report_.conflicts.size() == kMaxConflicts) return;
        report_.conflicts.push_back({.path = path,
                                     .tree = later_.name,
                                     .package = std::move(fresh),
                                     .earlier_package = std::move(earlier)});
    }

    // Joins the records, and removes the files that only replaced packages had.
    void join_packages() {
        std::map<std::string, std::size_t> places;
        std::vector<ApkPackage>& packages = tree_.database.packages;
        for (std::size_t i = 0; i < packages.size(); ++i) places[packages[i].name] = i;
        std::vector<ApkPackage> replaced;
        for (ApkPackage& fresh : later_.database.packages) {
            const auto found = places.find(fresh.name);
            UnionPackage entry{.name = fresh.name, .version = fresh.version, .earlier_version = {}};
            if (found == places.end()) {
                report_.packages.push_back(std::move(entry));
                packages.push_back(std::move(fresh));
                continue;
            }
            ApkPackage& old = packages[found->second];
            entry.earlier_version = old.version;
            if (old.version != fresh.version || old.checksum != fresh.checksum)
                report_.packages.push_back(std::move(entry));
            replaced.push_back(std::exchange(old, std::move(fresh)));
        }
        if (!replaced.empty()) remove_old_files(replaced);
    }

    void remove_old_files(const std::vector<ApkPackage>& replaced) {
        const FileOwners owners = owners_in(tree_.database, merged_);
        std::set<std::string> owned_directories;
        for (const ApkPackage& package : tree_.database.packages) {
            for (const ApkDirectory& directory : package.directories)
                owned_directories.insert(directory.name);
        }
        std::set<std::string> directories;
        for (const ApkPackage& package : replaced) {
            for (const ApkDirectory& directory : package.directories) {
                if (!owned_directories.contains(directory.name)) directories.insert(directory.name);
                for (const ApkFile& file : directory.files) {
                    const std::string path = join_path(directory.name, file.name);
                    if (file.name.empty() || owners.contains(merged_ ? merged_path(path) : path)) continue;
                    remove_file(path);
                }
            }
        }
        // Longer paths first, so that parents become empty.
        for (auto path = directories.rbegin(); path != directories.rend(); ++path) remove_directory(*path);
    }

    bool later_has(const std::string& path) {
        return look_up(later_.root, path, LastLink::keep, budget_).node != nullptr;
    }

    // The directory that has `path`, and the last component.
    std::pair<Node*, std::string> parent_of_path(const std::string& path) {
        const std::size_t slash = path.rfind('/');
        if (slash == std::string::npos) return {&tree_.root, path};
        Node* const parent = look_up(tree_.root, path.substr(0, slash), LastLink::follow, budget_).node;
        return {parent, path.substr(slash + 1)};
    }

    void remove_file(const std::string& path) {
        const auto [parent, name] = parent_of_path(path);
        const Node* const node = parent == nullptr ? nullptr : parent->child(name);
        if (node == nullptr || node->is_directory() || later_has(path)) return;
        parent->remove_child(name);
        ++report_.files_removed;
    }

    void remove_directory(const std::string& path) {
        if (path.empty() || later_has(path)) return;
        const auto [parent, name] = parent_of_path(path);
        const Node* const node = parent == nullptr ? nullptr : parent->child(name);
        if (node != nullptr && node->is_directory() && node->children().empty()) parent->remove_child(name);
    }

    PackageTree& tree_;
    PackageTree& later_;
    UnionReport& report_;
    ImageBudget& budget_;
    bool merged_;
    FileOwners owners_;
    FileOwners later_owners_;
};

}  // namespace

void join_trees(PackageTree& tree, PackageTree& later, UnionReport& report, ImageBudget& budget) {
    Joiner(tree, later, report, budget).run();
}

}  // namespace osb::ostree
