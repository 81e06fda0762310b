// A root filesystem in memory: directories, and files and links as the objects that they are in the
// repository.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hh"
#include "base/hash.hh"
#include "ostree/tree/image_budget.hh"

namespace osb::ostree {

// The path of what is called `name` in `directory`, which is "" at the root.
inline std::string join_path(std::string_view directory, std::string_view name) {
    return directory.empty() ? std::string(name) : concat(directory, '/', name);
}

enum class NodeKind : std::uint8_t {
    file,
    symlink,
    directory,
    special,  // a device or FIFO: it has its place until all layers are there, and no object
};

class Node;

// How deep directories may be: trees are walked by recursion. Few real ones pass 40.
inline constexpr std::size_t kMaxDepth = 256;

// Sorted by bytes, as ostree wants it.
using Children = std::map<std::string, Node, std::less<>>;

class Node {
  public:
    static Node file(const Sha256& checksum);
    static Node symlink(const Sha256& checksum, std::string_view target, std::uint32_t uid = 0,
                        std::uint32_t gid = 0);
    static Node directory(std::uint32_t mode = 0755, std::uint32_t uid = 0, std::uint32_t gid = 0);
    static Node special();

    NodeKind kind = NodeKind::directory;
    std::uint32_t mode = 0;  // permission bits; of directories (those of files are in the object)
    std::uint32_t uid = 0;   // of directories and links
    std::uint32_t gid = 0;
    std::string xattrs;  // of directories, as XattrBytes
    std::string target;  // of symbolic links
    Sha256 checksum{};   // of files and symbolic links: the content object

    bool is_directory() const noexcept { return kind == NodeKind::directory; }
    bool is_symlink() const noexcept { return kind == NodeKind::symlink; }
    bool is_file() const noexcept { return kind == NodeKind::file; }

    // Of a directory. These and set_child() throw Error{internal} for anything else: whoever looks up a node
    // on behalf of an image has to ask for its kind.
    Children& children();
    const Children& children() const;
    // The child, or nullptr: when there is none, and when this is no directory.
    Node* child(std::string_view name);
    const Node* child(std::string_view name) const;
    // Sets the child, replacing what was there with all that was below it. Returns it in its place.
    Node& set_child(std::string_view name, Node node);
    // True when it was there.
    bool remove_child(std::string_view name);

  private:
    std::unique_ptr<Children> children_;  // directories only
};

// The parts of a path between its slashes; empty ones and "." left out.
std::vector<std::string_view> split_path(std::string_view path);

// Where a walk along a path ended.
struct Resolved {
    Node* node = nullptr;   // nullptr: there is nothing
    std::string canonical;  // the path without symbolic links in it; "" for the root. Of what is not there:
                            // where it would be
    unsigned links = 0;     // how many symbolic links were followed
};

enum class LastLink { follow, keep };

// Walks `path` from the root as the kernel would inside a chroot: symbolic links are followed, absolute ones
// from this root, and ".." ends at it. `last` says what happens when the path itself is a link. A missing
// part, or one below a file, gives node == nullptr. Throws Error{invalid} after 40 links, Error{too_large}
// after 4,096 parts, and what `budget` throws.
Resolved resolve(Node& root, std::string_view path, LastLink last, ImageBudget& budget);

// As resolve(), but what has no end (a loop) is nowhere.
Resolved look_up(Node& root, std::string_view path, LastLink last, ImageBudget& budget);

// The beginnings of a normalised path that are symbolic links, the shortest first; the path itself may be
// one.
std::vector<std::string_view> linked_prefixes(Node& root, std::string_view path, ImageBudget& budget);

// Whether the text of a link in `directory`, a path without links, goes down and then up again from a
// directory for whose path `place` is true. What is not there is nowhere.
bool goes_up_from(Node& root, std::string_view directory, std::string_view target,
                  const std::function<bool(const std::string&)>& place, ImageBudget& budget);

// Where an entry of a layer that names `path` finds something; nullptr for nowhere. As resolve(), but behind
// what is not there a ".." in the text of a link is taken by the letter, as all do that unpack layers: they
// make what is missing.
Node* find_place(Node& root, std::string_view path, LastLink last, ImageBudget& budget);

// As find_place(), for a directory; makes the directories that are missing, 0755 and root's. Throws
// Error{invalid} when a part of the path is a file.
Node& make_directories(Node& root, std::string_view path, ImageBudget& budget);

// What a node costs in memory, for ImageBudget::keep().
std::size_t memory_of(std::string_view name, const Node& node) noexcept;

struct TreeCount {
    std::size_t files = 0;  // and links
    std::size_t directories = 0;
};

// What is below a node, itself not counted. Can be interrupted.
TreeCount count_below(const Node& node);

// The files and links of a node and all below it: 1 for what is no directory.
std::size_t count_files(const Node& node);

// "2 files and 1 directory"
std::string describe(const TreeCount& count);

}  // namespace osb::ostree
