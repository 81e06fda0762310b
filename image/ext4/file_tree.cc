#include "image/ext4/file_tree.hh"

#include <utility>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::image {

Content Content::of(std::string text) {
    Content out;
    out.size = text.size();
    out.bytes = std::move(text);
    return out;
}

Content Content::of_object(ostree::ObjectType type, const Sha256& checksum, std::uint64_t length) {
    Content out;
    out.is_object = true;
    out.object_type = type;
    out.object = checksum;
    out.size = length;
    return out;
}

FileTree::FileTree(Attributes root) {
    // ".." of the root is the root itself.
    inodes_.push_back({.kind = InodeKind::directory, .attributes = std::move(root), .links = 2});
}

void FileTree::add_name(InodeId parent, std::string_view name, InodeId id) {
    constexpr std::size_t kMaxName = 255;
    Inode& directory = inodes_[parent];
    if (directory.kind != InodeKind::directory) {
        throw Error(ErrorKind::invalid, concat("not a directory, and cannot contain ", quoted(name)));
    }
    if (name.empty() || name == "." || name == ".." || name.size() > kMaxName ||
        name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos) {
        throw Error(ErrorKind::invalid, concat("not a file name: ", quoted(name)));
    }
    if (!directory.children.emplace(name, id).second) {
        throw Error(ErrorKind::invalid, concat("a directory would have two entries ", quoted(name)));
    }
}

InodeId FileTree::add(InodeId parent, std::string_view name, Inode inode) {
    const auto id = static_cast<InodeId>(inodes_.size());
    add_name(parent, name, id);
    if (inode.kind == InodeKind::directory) {
        inode.links = 2;
        ++inodes_[parent].links;
    } else {
        inode.links = 1;
    }
    inodes_.push_back(std::move(inode));
    return id;
}

InodeId FileTree::add_directory(InodeId parent, std::string_view name, Attributes attributes) {
    return add(parent, name, {.kind = InodeKind::directory, .attributes = std::move(attributes)});
}

InodeId FileTree::add_file(InodeId parent, std::string_view name, Attributes attributes, Content content) {
    return add(parent, name,
               {.kind = InodeKind::file, .attributes = std::move(attributes), .content = std::move(content)});
}

InodeId FileTree::add_symlink(InodeId parent, std::string_view name, Attributes attributes,
                              std::string target) {
    constexpr std::size_t kMaxTarget = 4095;
    if (target.empty() || target.size() > kMaxTarget) {
        throw Error(ErrorKind::invalid, concat("the symbolic link ", quoted(name), " has a target of ",
                                               target.size(), " bytes; Linux accepts 1 to ", kMaxTarget));
    }
    attributes.mode = 0777;
    return add(parent, name,
               {.kind = InodeKind::symlink,
                .attributes = std::move(attributes),
                .content = Content::of(std::move(target))});
}

void FileTree::add_link(InodeId parent, std::string_view name, InodeId inode) {
    if (inodes_[inode].kind == InodeKind::directory) {
        throw Error(ErrorKind::internal, "a directory cannot have two names");
    }
    add_name(parent, name, inode);
    ++inodes_[inode].links;
}

void FileTree::remove(InodeId parent, std::string_view name) {
    const std::optional<InodeId> found = child(parent, name);
    if (!found || inodes_[*found].kind == InodeKind::directory) {
        throw Error(ErrorKind::invalid, concat("not a file that can be removed: ", quoted(name)));
    }
    auto& children = inodes_[parent].children;
    children.erase(children.find(name));
    Inode& inode = inodes_[*found];
    if (--inode.links > 0) return;
    inode.kind = InodeKind::file;
    inode.attributes = {};
    inode.content = {};
}

void FileTree::turn_into_symlink(InodeId file, std::string target) {
    Inode& inode = inodes_[file];
    if (inode.kind == InodeKind::directory || inode.links != 1) {
        throw Error(ErrorKind::invalid, "only a file with one name can become a symbolic link");
    }
    inode.kind = InodeKind::symlink;
    inode.attributes.mode = 0777;
    inode.attributes.xattrs.clear();
    inode.content = Content::of(std::move(target));
}

std::optional<InodeId> FileTree::child(InodeId directory, std::string_view name) const {
    const auto& children = inodes_[directory].children;
    const auto found = children.find(name);
    if (found == children.end()) return std::nullopt;
    return found->second;
}

std::optional<InodeId> FileTree::find(std::string_view path, InodeId from) const {
    std::optional<InodeId> at = from;
    for (const std::string_view part : path_parts(path)) {
        at = child(*at, part);
        if (!at) return std::nullopt;
    }
    return at;
}

InodeId FileTree::make_directories(std::string_view path, const Attributes& attributes, InodeId from) {
    InodeId at = from;
    for (const std::string_view part : path_parts(path)) {
        const std::optional<InodeId> next = child(at, part);
        at = next ? *next : add_directory(at, part, attributes);
        if (inodes_[at].kind != InodeKind::directory) {
            throw Error(ErrorKind::invalid, concat(quoted(path), ": ", quoted(part), " is not a directory"));
        }
    }
    return at;
}

std::vector<std::string_view> path_parts(std::string_view path) {
    std::vector<std::string_view> out;
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        const std::string_view part = path.substr(0, slash);
        if (!part.empty()) out.push_back(part);
        if (slash == std::string_view::npos) break;
        path.remove_prefix(slash + 1);
    }
    return out;
}

}  // namespace osb::image
