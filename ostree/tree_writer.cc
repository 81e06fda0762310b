#include "ostree/tree_writer.hh"

#include <sys/stat.h>

#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/object_format.hh"

namespace osb::ostree {
namespace {

Sha256 write_dirmeta(ObjectWriter& writer, const Node& node) {
    const FileMeta meta{.uid = node.uid, .gid = node.gid, .mode = S_IFDIR | node.mode, .xattrs = node.xattrs};
    return writer.write_metadata(ObjectType::dirmeta, as_bytes(dirmeta(canonical(writer.mode(), meta))));
}

}  // namespace

WrittenTree write_tree(ObjectWriter& writer, const Node& directory) {
    std::vector<DirtreeFile> files;
    std::vector<DirtreeDirectory> directories;
    for (const auto& [name, child] : directory.children()) {
        if (!child.is_directory()) {
            files.push_back({name, &child.checksum});
            continue;
        }
        const WrittenTree below =
            with_context([&name = name] { return quoted(name); },
                         [&writer, &child = child] { return write_tree(writer, child); });
        directories.push_back({name, below.tree, below.meta});
    }
    const std::string tree = dirtree(files, directories);
    return {writer.write_metadata(ObjectType::dirtree, as_bytes(tree)), write_dirmeta(writer, directory)};
}

}  // namespace osb::ostree
