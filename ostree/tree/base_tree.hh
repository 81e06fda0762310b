// The commit on which an image builds, as a tree in memory, and as the image shows it to its other layers.
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

// An index of the content objects in the layers of an encapsulated image. It borrows the layers.
class ObjectIndex {
  public:
    void add(const Layer& layer);
    // Returns nullptr if no layer has the object.
    const LayerEntry* find(const Sha256& checksum) const;
    // Calls `use` for all objects, in unspecified order.
    template<typename F>
    void for_each(F&& use) const {
        for (const auto& [checksum, entry] : entries_) use(*entry);
    }

  private:
    std::unordered_map<Sha256, const LayerEntry*, Sha256Hash> entries_;
};

// Returns the bytes of a dirtree or dirmeta object.
using LoadMetadata = std::function<std::string(ObjectType, const Sha256&)>;

// Reads the commit's tree. Throws Error{invalid} with the path as context if `objects` does not have an
// object, or if a dirtree is malformed or not sorted. Throws Error{too_large} for more than kMaxDepth levels,
// or more than `max_entries` files and directories: a few dirtree objects can refer to one another any number
// of times.
inline constexpr std::size_t kMaxTreeEntries = 1'000'000;
Node read_tree(const LoadMetadata& load, const RootChecksums& root, const ObjectIndex& objects,
               ImageBudget& budget, std::size_t max_entries = kMaxTreeEntries);

// True if ostree can deploy the tree: it has /usr/etc and no /etc.
bool is_laid_out(const Node& root);
bool is_laid_out(const Repository& repository, const RootChecksums& root);

// Converts a commit's tree to the form that an encapsulated image shows, so that layers can be applied to it.
// The image shows /usr/etc as /etc, and also has a repository below /sysroot and the directory /var/tmp.
class ImageView {
  public:
    // `objects` (unless null) become files of the repository in the image, to which hard links of further
    // layers may point. They replace the commit's content of /sysroot/ostree, which an image never shows.
    // Throws Error{invalid} for a tree with files in both /etc and /usr/etc.
    ImageView(Node& root, const ObjectIndex* objects, ImageBudget& budget);

    // Removes the additions of the image again. /etc stays in its place, and so does /var/tmp if a layer has
    // used it.
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
