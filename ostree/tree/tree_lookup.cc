#include "ostree/tree/tree_lookup.hh"

#include <algorithm>
#include <string>

#include "base/error.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/tree/commit_walk.hh"
#include "ostree/tree/metadata_objects.hh"

namespace osb::ostree {
namespace {

// Searches a list that is sorted by name. Returns nullptr if no element has that name.
template<typename Entry>
const Entry* find_name(const std::vector<Entry>& entries, std::string_view name) {
    const auto found =
        std::lower_bound(entries.begin(), entries.end(), name,
                         [](const Entry& entry, std::string_view wanted) { return entry.name < wanted; });
    return found == entries.end() || found->name != name ? nullptr : &*found;
}

}  // namespace

std::optional<Sha256> find_file(const Repository& repository, const CommitId& commit, std::string_view path) {
    Sha256 tree = read_root(repository, commit).tree;
    for (;;) {
        const std::size_t slash = path.find('/');
        const std::string_view name = path.substr(0, slash);
        const std::string bytes = read_metadata(repository, ObjectType::dirtree, tree);
        const DirtreeObject object =
            with_context([&] { return to_hex(tree); }, [&] { return parse_dirtree(as_bytes(bytes)); });
        if (slash == std::string_view::npos) {
            const DirtreeObject::File* file = find_name(object.files, name);
            return file == nullptr ? std::nullopt : std::optional(file->checksum);
        }
        const DirtreeObject::Directory* directory = find_name(object.directories, name);
        if (directory == nullptr) return std::nullopt;
        tree = directory->tree;
        path.remove_prefix(slash + 1);
    }
}

}  // namespace osb::ostree
