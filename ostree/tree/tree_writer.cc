#include "ostree/tree/tree_writer.hh"

#include <sys/stat.h>

#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/tree/metadata_objects.hh"

namespace osb::ostree {
namespace {

Sha256 write_dirmeta(ObjectWriter& writer, const Node& node) {
    const FileMeta meta{.uid = node.uid, .gid = node.gid, .mode = S_IFDIR | node.mode, .xattrs = node.xattrs};
    return writer.write_metadata(ObjectType::dirmeta, as_bytes(dirmeta(canonical(writer.mode(), meta))));
}

// Checks limits again, because a layout may have moved nodes beyond them.
WrittenTree write_below(ObjectWriter& writer, const Node& directory, const std::string& path,
                        std::size_t depth) {
    check_interrupt();
    check_tree_place(path, depth);
    std::vector<DirtreeFile> files;
    std::vector<DirtreeDirectory> directories;
    for (const auto& [name, child] : directory.children()) {
        if (!child.is_directory()) {
            check_tree_place(join_path(path, name), depth);
            files.push_back({name, &child.checksum});
            continue;
        }
        const WrittenTree below = write_below(writer, child, join_path(path, name), depth + 1);
        directories.push_back({name, below.tree, below.meta});
    }
    const std::string tree =
        with_context([&path] { return quoted('/' + path); }, [&] { return dirtree(files, directories); });
    return {writer.write_metadata(ObjectType::dirtree, as_bytes(tree)), write_dirmeta(writer, directory)};
}

}  // namespace

void check_directory_sizes(const Node& directory) {
    check_interrupt();
    std::size_t size = 0;
    for (const auto& [name, child] : directory.children()) {
        size += name.size() + (child.is_directory() ? 2 : 1) * sizeof(Sha256);
        if (child.is_directory())
            with_context([&name = name] { return quoted(name); },
                         [&child = child] { check_directory_sizes(child); });
    }
    if (size <= kMaxMetadataSize) return;
    throw Error(ErrorKind::too_large, concat("a directory of ", directory.children().size(),
                                             " entries makes a dirtree object of more than ", size,
                                             " bytes; ostree accepts ", kMaxMetadataSize));
}

WrittenTree write_tree(ObjectWriter& writer, const Node& directory) {
    return write_below(writer, directory, {}, 1);
}

}  // namespace osb::ostree
