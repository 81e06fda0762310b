// The commit that an image builds on, as a tree in memory, and as the image shows it to the layers on top.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "ostree/objects/object_format.hh"
#include "ostree/tree/commit_walk.hh"
#include "ostree/tree/layer.hh"
#include "ostree/tree/tree.hh"

namespace osb::ostree {

// The content objects that the layers of an encapsulated image brought. Borrows the layers.
class ObjectIndex {
  public:
    void add(const Layer& layer);
    // nullptr when no layer brought it.
    const LayerEntry* find(const Sha256& checksum) const;
    // All of them, in no order.
    template<typename F>
    void for_each(F&& use) const {
        for (const auto& [checksum, entry] : entries_) use(*entry);
    }

  private:
    struct Hash {
        std::size_t operator()(const Sha256& checksum) const noexcept;
    };
    std::unordered_map<Sha256, const LayerEntry*, Hash> entries_;
};

// Yields the bytes of a dirtree or dirmeta object.
using LoadMetadata = std::function<std::string(ObjectType, const Sha256&)>;

// The commit's tree. Throws Error{invalid} with the path named: an object that `objects` does not have, a
// dirtree that is malformed or not sorted; Error{too_large} for more than kMaxDepth levels, or more than
// `max_entries` files and directories (a few dirtree objects can name one another to any number of them).
inline constexpr std::size_t kMaxTreeEntries = 1'000'000;
Node read_tree(const LoadMetadata& load, const RootChecksums& root, const ObjectIndex& objects,
               ImageBudget& budget, std::size_t max_entries = kMaxTreeEntries);

// Whether the tree is one that ostree deploys: /usr/etc is there, and /etc is not.
bool is_laid_out(const Node& root);
bool is_laid_out(const Repository& repository, const RootChecksums& root);

// An encapsulated image shows its commit's /usr/etc as /etc, and has a repository below /sysroot and the
// directory /var/tmp in addition. This brings a commit's tree into that form, so that layers can be put on
// top of it.
class ImageView {
  public:
    // `objects`, which may be null, become files of the repository in the image: what hard links of the
    // layers on top may lead to. They take the place of what the commit has at /sysroot/ostree, which no
    // image shows. Throws Error{invalid} for a tree with files in both /etc and /usr/etc.
    ImageView(Node& root, const ObjectIndex* objects, ImageBudget& budget);

    // Takes away again what the image has in addition. /etc stays where it is; and so does /var/tmp when it
    // was used.
    void strip();

  private:
    void show_etc();
    void add_objects(const ObjectIndex& objects, ImageBudget& budget);

    Node& root_;
    bool added_sysroot_ = false;
    bool added_var_ = false;
    bool added_var_tmp_ = false;
};

}  // namespace osb::ostree
