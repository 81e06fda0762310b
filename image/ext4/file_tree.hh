// The inodes of a filesystem before it is written, as a tree in memory: everything but the contents of the
// files.
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

// Identifies an inode of one FileTree. The root is 0.
using InodeId = std::uint32_t;

// The content of a file: bytes in memory, or an object of an ostree repository.
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
    // The number of names; 0 for a removed inode. For a directory, its subdirectories count too.
    std::uint32_t links = 0;
    Content content;  // of a file; for a symbolic link, `bytes` is its target
    std::map<std::string, InodeId, std::less<>> children;  // of a directory
};

// The inodes of a filesystem. They are numbered in the order in which they were added. Two trees that were
// built by the same steps are written as the same bytes.
class FileTree {
  public:
    explicit FileTree(Attributes root);

    // Adds an entry to the directory `parent`. Throws Error{invalid} if the name exists there, or if Linux
    // does not permit the name.
    InodeId add_directory(InodeId parent, std::string_view name, Attributes attributes);
    InodeId add_file(InodeId parent, std::string_view name, Attributes attributes, Content content);
    InodeId add_symlink(InodeId parent, std::string_view name, Attributes attributes, std::string target);
    // Adds another name (a hard link) for a file or symbolic link.
    void add_link(InodeId parent, std::string_view name, InodeId inode);

    // Removes an entry that is a file or a symbolic link. An inode without names is not written; the other
    // inodes keep their numbers. Throws Error{invalid} for a directory and for a name that does not exist.
    void remove(InodeId parent, std::string_view name);

    // Replaces the content of a file.
    void set_content(InodeId file, Content content) { inodes_[file].content = std::move(content); }
    // Turns a file or symbolic link that has one name into a symbolic link. Throws Error{invalid} for any
    // other inode.
    void turn_into_symlink(InodeId file, std::string target);
    Attributes& attributes(InodeId id) { return inodes_[id].attributes; }

    // Returns the entry of that name in the directory, or nothing if there is none.
    std::optional<InodeId> child(InodeId directory, std::string_view name) const;
    // Resolves a path of plain names relative to `from`. Does not follow symbolic links.
    std::optional<InodeId> find(std::string_view path, InodeId from = 0) const;
    // As find(), but creates missing directories with these attributes. Throws Error{invalid} if a part of
    // the path is not a directory.
    InodeId make_directories(std::string_view path, const Attributes& attributes, InodeId from = 0);

    const std::vector<Inode>& inodes() const noexcept { return inodes_; }
    const Inode& inode(InodeId id) const { return inodes_[id]; }

  private:
    InodeId add(InodeId parent, std::string_view name, Inode inode);
    void add_name(InodeId parent, std::string_view name, InodeId id);

    std::vector<Inode> inodes_;
};

// Splits a path at its slashes. Leaves out empty parts.
std::vector<std::string_view> path_parts(std::string_view path);

}  // namespace osb::image
