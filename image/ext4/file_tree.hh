// The files of a filesystem that is about to be written, as a tree in memory: everything but their contents.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.hh"
#include "ostree/objects/object_format.hh"

namespace osb::image {

// Owner, mode and time of an inode.
struct Attributes {
    std::uint32_t mode = 0;  // permission bits
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::int64_t mtime = 0;     // seconds since 1970
    ostree::XattrBytes xattrs;  // as ostree stores them
    bool immutable = false;     // chattr +i
};

enum class InodeKind : std::uint8_t { file, symlink, directory };

struct Inode;

// Names an inode of one FileTree; the root is 0.
using InodeId = std::uint32_t;

// What a file holds: some bytes, or an object of an ostree repository.
struct Content {
    std::string bytes;
    bool is_object = false;
    ostree::ObjectType object_type = ostree::ObjectType::file;
    Sha256 object{};
    std::uint64_t size = 0;  // in bytes, also of `bytes`

    static Content of(std::string bytes);
    static Content of_object(ostree::ObjectType type, const Sha256& checksum, std::uint64_t size);
};

struct Inode {
    InodeKind kind = InodeKind::directory;
    Attributes attributes;
    std::uint32_t links = 0;  // names, 0 for one that was removed; of a directory, those that it has from its
                              // subdirectories, too
    Content content;          // of a file; of a link its target, in `bytes`
    std::map<std::string, InodeId, std::less<>> children;  // of a directory
};

// Inodes are numbered in the order in which they were added: two trees that were built by the same steps are
// written as the same bytes.
class FileTree {
  public:
    explicit FileTree(Attributes root);

    // Adds an entry to the directory `parent`. Throws Error{invalid} when it has one of that name, or the
    // name is none that Linux takes.
    InodeId add_directory(InodeId parent, std::string_view name, Attributes attributes);
    InodeId add_file(InodeId parent, std::string_view name, Attributes attributes, Content content);
    InodeId add_symlink(InodeId parent, std::string_view name, Attributes attributes, std::string target);
    // Another name for a file or symbolic link.
    void add_link(InodeId parent, std::string_view name, InodeId inode);

    // Removes an entry that is a file or a symbolic link. An inode without names is not written, and others
    // keep their numbers. Throws Error{invalid} for a directory, and where there is none of that name.
    void remove(InodeId parent, std::string_view name);

    // Replaces what a file holds.
    void set_content(InodeId file, Content content) { inodes_[file].content = std::move(content); }
    // Makes a symbolic link of a file or link with one name. Throws Error{invalid} for anything else.
    void turn_into_symlink(InodeId file, std::string target);
    Attributes& attributes(InodeId id) { return inodes_[id].attributes; }

    // The entry of a directory; nothing when there is none.
    std::optional<InodeId> child(InodeId directory, std::string_view name) const;
    // Follows a path of plain names from `from`; no symbolic link is followed.
    std::optional<InodeId> find(std::string_view path, InodeId from = 0) const;
    // As find(); makes the directories that are missing, with these attributes. Throws Error{invalid} when
    // something on the way is no directory.
    InodeId make_directories(std::string_view path, const Attributes& attributes, InodeId from = 0);

    const std::vector<Inode>& inodes() const noexcept { return inodes_; }
    const Inode& inode(InodeId id) const { return inodes_[id]; }

  private:
    InodeId add(InodeId parent, std::string_view name, Inode inode);
    void add_name(InodeId parent, std::string_view name, InodeId id);

    std::vector<Inode> inodes_;
};

// The parts of a path between its slashes; empty ones left out.
std::vector<std::string_view> path_parts(std::string_view path);

}  // namespace osb::image
