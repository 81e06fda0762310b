// Copies files and directories of a system with everything that belongs to them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace osb::system {

// The size of a tree, as far as it is copied.
struct TreeSize {
    std::uint64_t bytes = 0;  // on the disk; a file with several names counts once
    std::uint64_t inodes = 0;
};

// Copies entries from one directory tree into another. Keeps owners, modes, times, extended attributes (ACLs
// and capabilities among them), symbolic links, hard links between the copied files, devices and FIFOs. Holes
// of sparse files stay holes; a filesystem that can share blocks (reflink) shares them. Leaves out sockets,
// file flags (chattr), and whatever is mounted below the source, which is a warning. Never follows symbolic
// links.
//
// Files may change while they are copied: a copy is then a mix of old and new content, and an entry that
// disappears is left out. Not atomic. The caller syncs the filesystem.
class TreeCopier {
  public:
    // Both are open directories, which are borrowed. `path` below is relative to them.
    TreeCopier(int from, int to) : from_(from), to_(to) {}

    // Copies the entry `path` and everything below it. Makes missing parents like those of the source.
    // Replaces an entry that exists. Throws Error{io, no_space}; Error{not_found} if the entry is missing;
    // Error{too_large} for more than 200 levels of directories; Error{invalid} if a parent in the target is
    // not a directory; Interrupted.
    void copy(const std::string& path);

  private:
    using FileId = std::pair<std::uint64_t, std::uint64_t>;  // device, inode

    void make_parents(const std::string& path);
    void copy_entry(int from, int to, const std::string& name, const std::string& path, int depth);
    void copy_directory(int from, int to, const std::string& name, const std::string& path, int depth);
    void copy_file(int from, int to, const std::string& name, const std::string& path, int depth);
    bool link_first(const std::string& path, int to, const std::string& name) const;

    int from_;
    int to_;
    std::map<FileId, std::string> copied_;  // files with several names: the path of the first copy
};

// Measures what TreeCopier would copy. Throws Error as TreeCopier::copy().
TreeSize measure_tree(int from, const std::string& path);

}  // namespace osb::system
