#include "image/lint/deployed_view.hh"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/shell_word.hh"
#include "image/lint/fix.hh"
#include "ostree/layout/bootable_layout.hh"
#include "ostree/tree/tree.hh"

namespace osb::image {
namespace {

constexpr std::string_view kModulesOfRoot = "lib/modules";
constexpr std::string_view kModulesOfUsr = "usr/lib/modules";

Sha256 store_target(std::string_view target, std::uint32_t uid, std::uint32_t gid) {
    return sha256(as_bytes(concat("link ", uid, ' ', gid, ' ', target)));
}

ostree::Node node_of(const LintEntry& entry) {
    switch (entry.kind) {
        case LintKind::file:
            return ostree::Node::file(entry.content);
        case LintKind::symlink:
            return ostree::Node::symlink(store_target(entry.target, entry.uid, entry.gid), entry.target,
                                         entry.uid, entry.gid);
        case LintKind::directory:
            return ostree::Node::directory(entry.mode, entry.uid, entry.gid);
        case LintKind::special:
            break;
    }
    return ostree::Node::special();
}

// Copies the entries, without special files, which import drops, and without `left_out`.
ostree::Node nodes_of(const LintTree& tree, const std::set<std::string>& left_out) {
    ostree::Node root = ostree::Node::directory();
    std::map<std::string, ostree::Node*, std::less<>> directories{{"", &root}};
    for (const auto& [path, entry] : tree.entries()) {
        if (path.empty() || entry.kind == LintKind::special || left_out.contains(path)) continue;
        const auto parent = directories.find(parent_path(path));
        if (parent == directories.end()) continue;  // below an entry that was left out
        ostree::Node& node = parent->second->set_child(base_name(path), node_of(entry));
        if (entry.kind == LintKind::directory) directories.emplace(path, &node);
    }
    return root;
}

// Compares a directory of the root with the one in /usr into which it is merged.
class MergeConflicts {
  public:
    MergeConflicts(const LintTree& tree, DeployedView& view) : tree_(tree), view_(view) {}

    void find(const std::string& from, const std::string& to) {
        const LintEntry* const source = tree_.at(from);
        const LintEntry* const target = tree_.at(to);
        if (source == nullptr || target == nullptr) return;
        if (source->kind != LintKind::directory || target->kind != LintKind::directory) return;
        for_each_below(tree_, from, [&](const std::string& path, const LintEntry& entry) {
            const std::string other = to + path.substr(from.size());
            const LintEntry* const there = tree_.at(other);
            if (there == nullptr || are_compatible(path, entry, other, *there)) return;
            left_out_.insert(path);
            view_.problems.push_back(
                {"usr-merge", path,
                 concat(describe(entry), " and ", quoted('/' + other),
                        " have the same place in the merged /usr, and they differ"),
                 run_line("rm -r", '/' + path, concat("or ", shell_quoted('/' + other)))});
        });
    }

    const std::set<std::string>& left_out() const noexcept { return left_out_; }

  private:
    static std::string_view describe(const LintEntry& entry) {
        if (entry.kind == LintKind::directory) return "this directory";
        return entry.kind == LintKind::symlink ? "this link" : "this file";
    }

    bool are_compatible(const std::string& path, const LintEntry& entry, const std::string& other,
                        const LintEntry& there) const {
        if (entry.kind == LintKind::special || there.kind == LintKind::special) return true;
        if (entry.kind == LintKind::directory && there.kind == LintKind::directory) return true;
        if (entry.kind == LintKind::file && there.kind == LintKind::file)
            return entry.content == there.content;
        if (entry.kind != LintKind::symlink && there.kind != LintKind::symlink) return false;
        // A link may give way to its target, or to another link to the same file.
        const std::optional<FoundEntry> one = tree_.resolve(path);
        const std::optional<FoundEntry> two = tree_.resolve(other);
        if (one && two) return one->path == two->path || is_same_file(*one->entry, *two->entry);
        return entry.kind == there.kind && entry.target == there.target;
    }

    static bool is_same_file(const LintEntry& a, const LintEntry& b) {
        return a.kind == LintKind::file && b.kind == LintKind::file && a.content == b.content;
    }

    const LintTree& tree_;
    DeployedView& view_;
    std::set<std::string> left_out_;
};

// The conversion, step by step, so that the failure of one names its check.
class Conversion {
  public:
    Conversion(const LintTree& tree, DeployedView& view) : tree_(tree), view_(view) {}

    void run() {
        if (!top_is_usable()) return;
        MergeConflicts conflicts(tree_, view_);
        for (const char* name : {"bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc"}) {
            conflicts.find(name, concat("usr/", name));
        }
        ostree::Node root = nodes_of(tree_, conflicts.left_out());
        ostree::LayoutReport report;
        const auto placed = step("layout", [&] {
            ostree::drop_runtime_content(root, report);
            ostree::place_state(root, store_target, report, budget_);
        });
        if (!placed) return;
        if (!step("usr-merge", [&] { ostree::merge_usr(root, store_target, report, budget_); })) return;
        if (!step("kernel", [&] { ostree::place_kernel(root, report, budget_); })) return;
        find_kernels(root);
        view_.is_converted = !hides_modules(conflicts.left_out());
    }

  private:
    static bool hides_modules(const std::set<std::string>& left_out) {
        return std::any_of(left_out.begin(), left_out.end(), [](const std::string& path) {
            return path == kModulesOfRoot || path.starts_with(concat(kModulesOfRoot, '/'));
        });
    }

    bool top_is_usable() {
        bool usable = true;
        for (const char* name : {"usr", "etc", "var"}) {
            const LintEntry* const entry = tree_.at(name);
            if (entry == nullptr || entry->kind == LintKind::directory) continue;
            view_.problems.push_back(
                {"layout", name, concat('/', name, " is not a directory, so ostree cannot deploy the tree"),
                 concat("RUN rm /", name, " && mkdir /", name)});
            usable = false;
        }
        return usable;
    }

    template<typename F>
    bool step(std::string_view check, F&& work) {
        try {
            work();
            return true;
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::invalid && error.kind() != ErrorKind::internal) throw;
            view_.problems.push_back({check,
                                      {},
                                      error.message(),
                                      error.hint().empty()
                                          ? "change the files that the message names in the Containerfile"
                                          : error.hint()});
            return false;
        }
    }

    // The place in the tree of the file with that content.
    std::string origin_of(const ostree::Node* node) const {
        if (node == nullptr || !node->is_file()) return {};
        const auto found = by_content_.find(node->checksum);
        return found == by_content_.end() ? std::string() : found->second;
    }

    void find_kernels(ostree::Node& root) {
        const ostree::Node* const modules =
            ostree::look_up(root, kModulesOfUsr, ostree::LastLink::follow, budget_).node;
        if (modules == nullptr || !modules->is_directory()) return;
        for (const auto& [path, entry] : tree_.entries()) {
            if (entry.kind == LintKind::file) by_content_.emplace(entry.content, path);
        }
        for (const auto& [release, directory] : modules->children()) {
            const ostree::Node* const image = directory.child("vmlinuz");
            if (image == nullptr || !image->is_file()) continue;
            const ostree::Node* initramfs = directory.child("initramfs.img");
            if (initramfs == nullptr) initramfs = directory.child("initramfs");
            view_.kernels.push_back({&tree_, release, origin_of(image), origin_of(initramfs)});
        }
    }

    const LintTree& tree_;
    DeployedView& view_;
    ostree::ImageBudget budget_;
    std::map<Sha256, std::string> by_content_;
};

// The path if it is a file; otherwise "".
std::string file_at(const LintTree& tree, const std::string& path) {
    const LintEntry* const entry = tree.at(path);
    return entry != nullptr && entry->kind == LintKind::file ? path : std::string();
}

void find_placed_kernels(const LintTree& tree, DeployedView& view) {
    for_each_below(tree, kModulesOfUsr, [&](const std::string& path, const LintEntry& entry) {
        const std::string_view directory = parent_path(path);
        if (base_name(path) != "vmlinuz" || parent_path(directory) != kModulesOfUsr) return;
        if (entry.kind != LintKind::file) {
            view.problems.push_back({"kernel", path, "not a file, so ostree does not find a kernel there",
                                     "put the kernel itself there, not a link to it"});
            return;
        }
        std::string initramfs = file_at(tree, concat(directory, "/initramfs.img"));
        if (initramfs.empty()) initramfs = file_at(tree, concat(directory, "/initramfs"));
        view.kernels.push_back({&tree, std::string(base_name(directory)), path, initramfs});
    });
    view.is_converted = true;
}

}  // namespace

DeployedView view_deployed(const LintTree& tree) {
    DeployedView view;
    if (tree.is_laid_out()) {
        find_placed_kernels(tree, view);
    } else {
        Conversion(tree, view).run();
    }
    return view;
}

}  // namespace osb::image
