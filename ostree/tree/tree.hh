// A root filesystem in memory: directories, and references to the repository's objects for files and links.
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

// The path of `name` in `directory`, which is "" for the root.
inline std::string join_path(std::string_view directory, std::string_view name) {
    return directory.empty() ? std::string(name) : concat(directory, '/', name);
}

// The kind of a node.
enum class NodeKind : std::uint8_t {
    file,
    symlink,
    directory,
    special,  // a device or FIFO: without an object; it exists only until all layers were applied
};

class Node;

// The maximum depth of directories, because walks are recursive. Few real trees exceed 40.
inline constexpr std::size_t kMaxDepth = 256;

// Sorted by bytes, as ostree requires.
using Children = std::map<std::string, Node, std::less<>>;

// A file, symbolic link, directory or special file of the tree. A directory owns its children.
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

    // The children of a directory. These functions and set_child() throw Error{internal} for other nodes:
    // code that looks up a node for an image must check its kind.
    Children& children();
    const Children& children() const;
    // The child; nullptr if it does not exist or this is not a directory.
    Node* child(std::string_view name);
    const Node* child(std::string_view name) const;
    // Sets the child, and replaces an existing one with everything below it. Returns the stored child.
    Node& set_child(std::string_view name, Node node);
    // Removes the child. Returns false if it did not exist.
    bool remove_child(std::string_view name);

  private:
    std::unique_ptr<Children> children_;  // directories only
};

// The components of a path, without empty ones and ".".
std::vector<std::string_view> split_path(std::string_view path);

// The result of a path lookup.
struct Resolved {
    Node* node = nullptr;   // nullptr: does not exist
    std::string canonical;  // the path without symbolic links; "" for the root. If nothing exists: where it
                            // would be
    unsigned links = 0;     // number of symbolic links that were followed
};

enum class LastLink { follow, keep };

// Resolves `path` from the root as the kernel does in a chroot: it follows symbolic links, absolute ones
// start at this root, and ".." stops at it. `last` selects whether to follow a link at the end of the path. A
// component that is missing or below a file gives node == nullptr. Throws Error{invalid} after 40 links,
// Error{too_large} after 4,096 components, and as `budget`.
Resolved resolve(Node& root, std::string_view path, LastLink last, ImageBudget& budget);

// Like resolve(), but a loop of links gives node == nullptr.
Resolved look_up(Node& root, std::string_view path, LastLink last, ImageBudget& budget);

// The prefixes of a normalised path that are symbolic links, shortest first. The path itself may be one.
std::vector<std::string_view> linked_prefixes(Node& root, std::string_view path, ImageBudget& budget);

// True if the text of a link in `directory` (a path without links) goes down and then up again from a
// directory for whose path `place` returns true. Missing paths do not count.
bool goes_up_from(Node& root, std::string_view directory, std::string_view target,
                  const std::function<bool(const std::string&)>& place, ImageBudget& budget);

// Finds the node for an entry of a layer that names `path`; nullptr if there is none. Like resolve(), but
// after a missing component, ".." in the text of a link is resolved lexically. All programs that unpack
// layers do so, because they create missing directories.
Node* find_place(Node& root, std::string_view path, LastLink last, ImageBudget& budget);

// Like find_place(), for a directory. Creates missing directories with mode 0755, owned by root. If a
// component of the path is a file, a directory replaces it if `may_replace` returns true for its path.
// Otherwise, and without the function, throws Error{invalid}.
Node& make_directories(Node& root, std::string_view path, ImageBudget& budget,
                       const std::function<bool(const std::string&)>& may_replace = {});

// The memory of a node in bytes, for ImageBudget::keep().
std::size_t memory_of(std::string_view name, const Node& node) noexcept;

// Numbers of nodes.
struct TreeCount {
    std::size_t files = 0;  // including links
    std::size_t directories = 0;
};

// Counts everything below a node, without the node itself. Throws Interrupted.
TreeCount count_below(const Node& node);

// The number of files and links in a node and below it; 1 if it is not a directory.
std::size_t count_files(const Node& node);

// "2 files and 1 directory".
std::string describe(const TreeCount& count);

}  // namespace osb::ostree
