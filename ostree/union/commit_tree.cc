#include "ostree/union/commit_tree.hh"

#include <sys/stat.h>

#include "base/interrupt.hh"
#include "oci/documents/digest.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/tree/base_tree.hh"
#include "ostree/tree/commit_walk.hh"
#include "ostree/tree/layer.hh"

namespace osb::ostree {

Node read_commit_tree(const Repository& repository, const CommitId& commit, ImageBudget& budget) {
    Layer objects(oci::Digest::of({}), LayerKind::objects);
    for (const WalkedFile& file : walk_commit(repository, commit).files) {
        check_interrupt();
        const ContentObject object = read_object_header(repository, file.checksum);
        LayerEntry entry;
        entry.kind = S_ISLNK(object.mode) ? EntryKind::symlink : EntryKind::file;
        entry.checksum = file.checksum;
        entry.uid = object.uid;
        entry.gid = object.gid;
        entry.target = objects.keep(object.target);
        objects.entries().push_back(entry);
    }
    ObjectIndex index;
    index.add(objects);
    const LoadMetadata load = [&repository](ObjectType type, const Sha256& checksum) {
        return read_metadata(repository, type, checksum);
    };
    return read_tree(load, read_root(repository, commit), index, budget);
}

}  // namespace osb::ostree
