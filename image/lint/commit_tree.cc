#include "image/lint/commit_tree.hh"

#include <sys/stat.h>

#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::image {
namespace {

constexpr std::uint32_t kPermissions = 07777;

LintEntry entry_of(const ostree::Repository& repository, const ostree::WalkedFile& file) {
    const ostree::ContentObject object = ostree::open_object(repository, file.checksum);
    return {.kind = S_ISLNK(object.mode) ? LintKind::symlink : LintKind::file,
            .mode = object.mode & kPermissions,
            .uid = object.uid,
            .gid = object.gid,
            .size = object.size,
            .target = object.target,
            .content = file.checksum};
}

}  // namespace

CommitTree::CommitTree(const ostree::Repository& repository, const ostree::CommitId& commit)
    : repository_(repository) {
    const ostree::CommitWalk walk = ostree::walk_commit(repository, commit);
    for (const ostree::WalkedDirectory& directory : walk.directories) {
        entries_.emplace(directory.path, LintEntry{.kind = LintKind::directory,
                                                   .mode = directory.mode & kPermissions,
                                                   .uid = directory.uid,
                                                   .gid = directory.gid,
                                                   .size = 0,
                                                   .target = {}});
    }
    for (const ostree::WalkedFile& file : walk.files) {
        check_interrupt();
        const LintEntry entry = entry_of(repository, file);
        for (const std::string& path : file.paths) entries_.emplace(path, entry);
        if (entries_.size() > kMaxLintEntries) {
            throw Error(ErrorKind::too_large,
                        concat("the commit has more than ", kMaxLintEntries, " files and directories"));
        }
    }
}

std::unique_ptr<Source> CommitTree::open(const std::string& path) const {
    const LintEntry* const entry = at(path);
    if (entry == nullptr || entry->kind != LintKind::file) {
        throw Error(ErrorKind::internal, concat("not a file of the commit: ", quoted(path)));
    }
    return ostree::open_object(repository_, entry->content).content;
}

}  // namespace osb::image
