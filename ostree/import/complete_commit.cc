#include "ostree/import/complete_commit.hh"

#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/objects/object_lookup.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {
namespace {

// Any object that is missing now is missing in the image.
CommitWalk walk_whole(const Repository& repository, const RootChecksums& root) {
    try {
        return walk_tree(repository, root.tree, root.meta);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::not_found) throw;
        throw Error(ErrorKind::invalid,
                    concat("the image lacks an object of a directory: ", error.message()));
    }
}

}  // namespace

void check_complete(const Repository& repository, const CommitId& commit, std::string_view commit_object) {
    const RootChecksums root = root_of(as_bytes(commit_object));
    const CommitWalk walk =
        with_context([&] { return concat("commit ", commit); }, [&] { return walk_whole(repository, root); });
    const ObjectLookup present(repository);
    for (const WalkedFile& file : walk.files) {
        if (present.has(file.checksum, ObjectType::file)) continue;
        throw Error(ErrorKind::invalid, concat("commit ", commit, ": the image lacks the object ",
                                               to_hex(file.checksum), " of ", quoted(file.paths.front())));
    }
}

}  // namespace osb::ostree
